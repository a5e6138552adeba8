"""Lane ec2: what is deployed for a task on instances, and that nothing is where no task asks for it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ops.cost.idle import idle
from platform_spec.environments import load_environment
from platform_spec.tasks import load_tasks
from tests.security import universe
from tests.security.conftest import ACCOUNT, REGION
from tests.security.policy import Call, allowed, grants_of
from tests.stacks.conftest import IDLE_TASK, ROOT, Deployments, copy_of_root
from tests.stacks.evaluate import Deployment, rights

GPU_TASK = """
purpose = "trains on a GPU"
owner = "platform"
lane = "ec2"
architecture = "x86_64"
timeout_minutes = 60
[sizes.gpu]
cpu_units = 4096
memory_mib = 14336
gpus = 1
instance_type = "g4dn.xlarge"
storage_gib = 100
[access]
read = ["raw/"]
write = ["results/"]
"""
WIDE_TASK = """
purpose = "needs more memory than Fargate has"
owner = "platform"
lane = "ec2"
timeout_minutes = 60
[sizes.wide]
cpu_units = 32768
memory_mib = 245760
instance_type = "r7g.8xlarge"
"""
TYPES = ("AWS::EC2::LaunchTemplate", "AWS::AutoScaling::AutoScalingGroup", "AWS::ECS::CapacityProvider")
PROVIDERS = ["tasklane-stg-g4dn-xlarge", "tasklane-stg-r7g-8xlarge"]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Deployment:
    """stg (endpoints only) with two tasks on instances; synthesized with the rule packs on: a finding would stop it."""
    tasks = {"train": GPU_TASK, "wide": WIDE_TASK, "idle": IDLE_TASK}
    root = copy_of_root(tmp_path_factory.mktemp("instances"), tasks)
    return Deployments(root, tmp_path_factory.mktemp("synth-instances"))["stg"]


def template(made: Deployment, instance_type: str) -> dict[str, Any]:
    found = [t["LaunchTemplateData"] for t in made.resources("compute", TYPES[0]).values()]
    [data] = [data for data in found if data["InstanceType"] == instance_type]
    return data


def test_nothing_is_made_where_no_task_asks_for_it(deployment: Deployment) -> None:
    assert not any(task.lane == "ec2" for task in load_tasks(ROOT).values())
    assert not any(deployment.resources("compute", type_) for type_ in TYPES)
    names = {e["ServiceName"].rsplit(".", 1)[-1] for e in endpoints(deployment)}
    assert not names & {"ecs-agent", "ecs-telemetry"}


def test_instances_are_closed_and_encrypted(made: Deployment) -> None:
    data = template(made, "g4dn.xlarge")
    assert data["MetadataOptions"] == {"HttpPutResponseHopLimit": 1, "HttpTokens": "required"}
    [interface] = data["NetworkInterfaces"]
    tasks_group = json.loads(parameter(made, "network"))["security_groups"]
    assert (interface["AssociatePublicIpAddress"], interface["Groups"]) == (False, tasks_group)
    [disk] = data["BlockDeviceMappings"]
    assert disk["Ebs"] == {"Encrypted": True, "VolumeSize": 130, "VolumeType": "gp3"}
    assert "KeyName" not in data
    script = data["UserData"]["Fn::Base64"]
    assert "ECS_AWSVPC_BLOCK_IMDS=true" in script
    assert "ECS_CLUSTER=tasklane-stg" in script


def test_the_image_is_the_newest_for_gpu_or_processor(made: Deployment) -> None:
    base = "resolve:ssm:/aws/service/ecs/optimized-ami/amazon-linux-2023"
    assert template(made, "g4dn.xlarge")["ImageId"] == f"{base}/gpu/recommended/image_id"
    assert template(made, "r7g.8xlarge")["ImageId"] == f"{base}/arm64/recommended/image_id"


def test_groups_scale_from_zero_for_what_waits(made: Deployment) -> None:
    groups = made.resources("compute", TYPES[1]).values()
    assert {(g["MinSize"], g["MaxSize"], g["NewInstancesProtectedFromScaleIn"]) for g in groups} == {("0", "10", True)}
    providers = made.resources("compute", TYPES[2]).values()
    assert sorted(p["Name"] for p in providers) == PROVIDERS
    for provider in providers:
        group = provider["AutoScalingGroupProvider"]
        assert group["ManagedScaling"]["Status"] == group["ManagedTerminationProtection"] == "ENABLED"
        assert group["ManagedScaling"]["TargetCapacity"] == 100
    on_cluster = made.one("compute", "AWS::ECS::ClusterCapacityProviderAssociations")["CapacityProviders"]
    assert len(on_cluster) == 4
    assert {"FARGATE", "FARGATE_SPOT"} < set(on_cluster)


def test_the_definition_is_for_instances_and_has_the_gpu(made: Deployment) -> None:
    definition = made.one("compute", "AWS::ECS::TaskDefinition", Family="tasklane-stg-train")
    assert (definition["NetworkMode"], definition["RequiresCompatibilities"]) == ("awsvpc", ["EC2"])
    assert (definition["Cpu"], definition["Memory"]) == ("4096", "14336")
    assert "EphemeralStorage" not in definition
    [container] = definition["ContainerDefinitions"]
    assert container["ResourceRequirements"] == [{"Type": "GPU", "Value": "1"}]
    assert container["ReadonlyRootFilesystem"] is True


def test_the_instances_role_reports_to_our_cluster_and_does_nothing_else(made: Deployment) -> None:
    ecs = f"arn:aws:ecs:{made.region}:{made.account}"
    cluster = f"{ecs}:cluster/tasklane-stg"
    join = ("DeregisterContainerInstance", "RegisterContainerInstance", "SubmitAttachmentStateChanges")
    join += ("SubmitContainerStateChange", "SubmitTaskStateChange")
    talk = ["ecs:Poll", "ecs:StartTelemetrySession", "ecs:UpdateContainerInstancesState"]
    on_cluster = {"ArnEquals": {"ecs:cluster": cluster}}
    assert rights(made, "tasklane-stg-instances") == {
        "JoinCluster": ([f"ecs:{action}" for action in join], [cluster], None),
        "TalkToEcs": (talk, [f"{ecs}:container-instance/tasklane-stg/*"], on_cluster),
        "FindEndpoint": (["ecs:DiscoverPollEndpoint"], ["*"], None),
    }


def test_the_instances_role_is_refused_everything_else(made: Deployment) -> None:
    """Every action of every service we touch, on what is not its own: the matrix of tests/security/test_denials.py."""
    policies = made.resources("compute", "AWS::IAM::ManagedPolicy").values()
    [document] = [p["PolicyDocument"] for p in policies if "tasklane-stg-instances" in p.get("Roles", ())]
    here = json.dumps(document).replace("tasklane-stg", universe.PREFIX)
    here = here.replace(made.account, ACCOUNT).replace(made.region, REGION)
    grants = grants_of("instances", json.loads(here))
    calls = [call for call in universe.foreign_calls("instances") if call.resource != universe.CLUSTER]
    assert len(calls) > 5_000
    assert {call.action for call in calls if allowed(call, grants)} == {"ecs:DiscoverPollEndpoint"}
    elsewhere = universe.CLUSTER.replace(universe.PREFIX, "tasklane-other")
    instance = f"arn:aws:ecs:{REGION}:{ACCOUNT}:container-instance/{universe.PREFIX}/1"
    assert allowed(Call.of("instances", "ecs:Poll", instance, {"ecs:cluster": universe.CLUSTER}), grants)
    assert not allowed(Call.of("instances", "ecs:Poll", instance, {"ecs:cluster": elsewhere}), grants)


def test_agents_reach_ecs_without_the_internet(made: Deployment) -> None:
    names = {e["ServiceName"].rsplit(".", 1)[-1] for e in endpoints(made)}
    assert {"ecs", "ecs-agent", "ecs-telemetry"} <= names


def test_the_dags_are_told_the_provider_of_each_size(made: Deployment) -> None:
    assert json.loads(parameter(made, "tasks/train"))["capacity_providers"] == {"g4dn.xlarge": PROVIDERS[0]}
    assert "capacity_providers" not in json.loads(parameter(made, "tasks/idle"))


def endpoints(made: Deployment) -> list[dict[str, Any]]:
    found = made.resources("network", "AWS::EC2::VPCEndpoint").values()
    return [e for e in found if isinstance(e["ServiceName"], str)]


def parameter(made: Deployment, part: str) -> str:
    stack = "network" if part == "network" else "compute"
    name = f"/tasklane/{made.name}/deployment/{part}"
    return str(made.one(stack, "AWS::SSM::Parameter", Name=name)["Value"])


def test_its_idle_cost_knows_every_resource(made: Deployment) -> None:
    found = idle(load_environment(made.name, ROOT), made.stacks)
    assert found.not_counted == []
    assert not [line.what for line in found.lines if line.group == "instances"]  # none is there while nothing runs
    assert [line.item for line in found.by_use if "instances" in line.what] == ["ec2.instance"]

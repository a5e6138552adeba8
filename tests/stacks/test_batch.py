"""The lane batch: what task.toml says is what AWS Batch is told, with no more capacity and rights than that needs."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ops.cost.idle import idle
from platform_spec.batch import CONTAINER
from platform_spec.environments import load_environment
from platform_spec.tasks import load_tasks
from tests.security import universe
from tests.security.conftest import ACCOUNT, ENVIRONMENT, REGION
from tests.security.policy import Call, allowed, grants_of
from tests.stacks.conftest import IDLE_TASK, ROOT, Deployments, copy_of_root
from tests.stacks.evaluate import Deployment, rights, statements

MANY = """
purpose = "many small jobs"
owner = "platform"
lane = "batch"
spot = true
timeout_minutes = 10
[sizes.small]
cpu_units = 256
memory_mib = 512
[sizes.large]
cpu_units = 1024
memory_mib = 2048
storage_gib = 50
[access]
read = ["raw/"]
write = ["results/"]
secrets = ["API_KEY"]
"""
GPU = """
purpose = "a job with a GPU, never on Spot"
owner = "platform"
lane = "batch"
architecture = "x86_64"
timeout_minutes = 10
[sizes.normal]
instance_type = "g4dn.xlarge"
gpus = 1
cpu_units = 4096
memory_mib = 8192
storage_gib = 100
"""


@pytest.fixture(scope="module")
def batch(tmp_path_factory: pytest.TempPathFactory) -> Deployment:
    """Environment stg (Spot wherever it is allowed; interface endpoints) with two tasks of the lane and one other."""
    tasks = {"many": MANY, "gpu_one": GPU, "idle": IDLE_TASK}
    root = copy_of_root(tmp_path_factory.mktemp("batch"), tasks)
    return Deployments(root, tmp_path_factory.mktemp("synth-batch"))["stg"]


def environments(batch: Deployment, queue: str) -> list[dict[str, Any]]:
    """The compute environments of a queue, in their order."""
    made = batch.resources("batch", "AWS::Batch::ComputeEnvironment")
    order = batch.one("batch", "AWS::Batch::JobQueue", JobQueueName=queue)["ComputeEnvironmentOrder"]
    names = [one["ComputeEnvironment"] for one in sorted(order, key=lambda one: int(one["Order"]))]
    by_name = {f"<AWS::Batch::ComputeEnvironment/{id_}>": one["ComputeResources"] for id_, one in made.items()}
    return [by_name[name] for name in names]


def definition(batch: Deployment, task: str) -> dict[str, Any]:
    return batch.one("batch", "AWS::Batch::JobDefinition", JobDefinitionName=f"tasklane-stg-{task}")


def test_no_task_of_the_lane_no_stack(sample: Deployment) -> None:
    assert "batch" not in sample.stacks
    assert not [id_ for id_ in sample.stacks["network"]["Resources"] if "Batch" in id_]


def test_the_bundled_tasks_of_the_lane_and_no_other(deployment: Deployment) -> None:
    names = {f"tasklane-{deployment.name}-{name}" for name, task in load_tasks(ROOT).items() if task.lane == "batch"}
    definitions = deployment.resources("batch", "AWS::Batch::JobDefinition").values()
    assert {made["JobDefinitionName"] for made in definitions} == names
    settings = load_environment(deployment.name, ROOT)
    for group in deployment.resources("batch", "AWS::Logs::LogGroup").values():
        assert group["RetentionInDays"] == settings.log_retention_days
        assert group["KmsKeyId"].startswith("<AWS::KMS::Key/")
    kinds = {one["ComputeResources"]["Type"] for one in capacity(deployment)}
    assert kinds == ({"FARGATE", "FARGATE_SPOT"} if settings.spot_share > 0 else {"FARGATE"})


def capacity(deployment: Deployment) -> list[dict[str, Any]]:
    return list(deployment.resources("batch", "AWS::Batch::ComputeEnvironment").values())


def test_capacity_is_what_the_tasks_need_and_no_other(batch: Deployment) -> None:
    queues = {one["JobQueueName"] for one in batch.resources("batch", "AWS::Batch::JobQueue").values()}
    assert queues == {"tasklane-stg-fargate", "tasklane-stg-fargate-spot", "tasklane-stg-gpu-x86-64"}
    assert len(batch.resources("batch", "AWS::Batch::ComputeEnvironment")) == 3
    assert [one["Type"] for one in environments(batch, "tasklane-stg-fargate")] == ["FARGATE"]
    assert [one["Type"] for one in environments(batch, "tasklane-stg-fargate-spot")] == ["FARGATE_SPOT", "FARGATE"]


def test_instances_come_from_zero_and_keep_to_themselves(batch: Deployment) -> None:
    [gpu] = environments(batch, "tasklane-stg-gpu-x86-64")
    assert (gpu["Type"], gpu["MinvCpus"], gpu["InstanceTypes"]) == ("EC2", 0, ["g4dn.xlarge"])
    assert gpu["Ec2Configuration"] == [{"ImageType": "ECS_AL2023_NVIDIA"}]
    subnets = batch.resources("network", "AWS::EC2::Subnet")
    private = {f"<AWS::EC2::Subnet/{id_}>" for id_, one in subnets.items() if not one.get("MapPublicIpOnLaunch")}
    assert set(gpu["Subnets"]) <= private
    template = batch.one("batch", "AWS::EC2::LaunchTemplate")["LaunchTemplateData"]
    assert template["MetadataOptions"] == {"HttpPutResponseHopLimit": 1, "HttpTokens": "required"}
    [disk] = template["BlockDeviceMappings"]
    assert disk["Ebs"] == {"Encrypted": True, "VolumeSize": 130, "VolumeType": "gp3"}
    assert "--uid-owner 10001 --jump REJECT" in json.dumps(template["UserData"])
    user = definition(batch, "gpu_one")["ContainerProperties"]["User"]
    assert user == "10001"  # whom the rule above keeps from the instance's credentials


def test_a_job_on_fargate(batch: Deployment) -> None:
    made = definition(batch, "many")
    assert made["PlatformCapabilities"] == ["FARGATE"]
    assert made["Timeout"] == {"AttemptDurationSeconds": 600}
    container = made["ContainerProperties"]
    requirements = {one["Type"]: one["Value"] for one in container["ResourceRequirements"]}
    assert requirements == {"VCPU": "0.25", "MEMORY": "512"}
    assert container["EphemeralStorage"] == {"SizeInGiB": 50}  # the largest of its sizes
    assert container["RuntimePlatform"] == {"CpuArchitecture": "ARM64", "OperatingSystemFamily": "LINUX"}
    assert (container["User"], container["Privileged"], container["ReadonlyRootFilesystem"]) == ("10001", False, True)
    assert container["MountPoints"] == [{"ContainerPath": "/scratch", "ReadOnly": False, "SourceVolume": "scratch"}]
    assert container["NetworkConfiguration"] == {"AssignPublicIp": "DISABLED"}
    log = container["LogConfiguration"]["Options"]
    assert (log["awslogs-group"], log["awslogs-stream-prefix"]) == ("/tasklane/stg/many", "many")
    assert (log["mode"], log["max-buffer-size"]) == ("non-blocking", "25m")
    role = f"arn:aws:iam::{batch.account}:role/tasklane-stg-many"
    assert (container["JobRoleArn"], container["ExecutionRoleArn"]) == (f"{role}-task", f"{role}-exec")
    [secret] = container["Secrets"]
    assert secret["Name"] == "API_KEY"
    assert "ManyImage" in batch.stacks["batch"]["Parameters"]
    assert "ManyImage" not in batch.stacks["compute"]["Parameters"]


def test_a_job_with_a_gpu(batch: Deployment) -> None:
    made = definition(batch, "gpu_one")
    assert made["PlatformCapabilities"] == ["EC2"]
    requirements = {one["Type"]: one["Value"] for one in made["ContainerProperties"]["ResourceRequirements"]}
    assert requirements == {"VCPU": "4", "MEMORY": "8192", "GPU": "1"}
    assert not {"EphemeralStorage", "RuntimePlatform", "NetworkConfiguration"} & set(made["ContainerProperties"])


def test_only_a_lost_host_is_retried(batch: Deployment) -> None:
    strategy = definition(batch, "many")["RetryStrategy"]
    actions = [(one["OnStatusReason"], one["Action"]) for one in strategy["EvaluateOnExit"]]
    assert actions == [("Host EC2*", "RETRY"), ("Your Spot Task was interrupted*", "RETRY"), ("*", "EXIT")]


def test_earlier_revisions_stay(batch: Deployment) -> None:
    for resource in batch.stacks["batch"]["Resources"].values():
        if resource["Type"] == "AWS::Batch::JobDefinition":
            assert resource["UpdateReplacePolicy"] == "Retain"
            assert resource["Properties"]["ResourceRetentionPolicy"] == {"SkipDeregisterOnUpdate": True}


def test_what_is_published(batch: Deployment) -> None:
    name = "/tasklane/stg/deployment/tasks/many"
    values = json.loads(batch.one("batch", "AWS::SSM::Parameter", Name=name)["Value"])
    assert values.pop("job_definition_arn").startswith("<AWS::Batch::JobDefinition/")
    queue = f"arn:aws:batch:{batch.region}:{batch.account}:job-queue/tasklane-stg-fargate"
    role = f"arn:aws:iam::{batch.account}:role/tasklane-stg-many"
    assert values == {
        "job_queue_arn": queue,
        "spot_job_queue_arn": f"{queue}-spot",
        "container": CONTAINER,
        "image": definition(batch, "many")["ContainerProperties"]["Image"],
        "log_group": "/tasklane/stg/many",
        "log_stream_prefix": "many",
        "task_role_arn": f"{role}-task",
        "execution_role_arn": f"{role}-exec",
    }
    gpu = json.loads(batch.one("batch", "AWS::SSM::Parameter", Name=name.replace("many", "gpu_one"))["Value"])
    assert gpu["spot_job_queue_arn"] == ""


def test_airflow_may_run_our_jobs_and_nothing_else(batch: Deployment) -> None:
    arn = f"arn:aws:batch:{batch.region}:{batch.account}"
    definitions = [
        f"{arn}:job-definition/tasklane-stg-{task}{form}" for task in ("gpu_one", "many") for form in ("", ":*")
    ]
    queues = [f"{arn}:job-queue/tasklane-stg-{kind}" for kind in ("fargate", "fargate-spot", "gpu-x86-64")]
    logs = [
        f"arn:aws:logs:{batch.region}:{batch.account}:log-group:/tasklane/stg/{task}:*" for task in ("gpu_one", "many")
    ]
    found = rights(batch, "tasklane-stg-airflow")
    assert found["SubmitJobs"] == (["batch:SubmitJob"], sorted([*definitions, *queues]), None)
    tag = {"StringEquals": {"aws:RequestTag/tasklane:environment": "stg"}}
    assert found["TagOnSubmit"] == (["batch:TagResource"], [f"{arn}:job/*"], tag)
    tagged = {"StringEquals": {"aws:ResourceTag/tasklane:environment": "stg"}}
    assert found["EndJobs"] == (["batch:TerminateJob"], [f"{arn}:job/*"], tagged)
    assert found["WatchJobs"] == (["batch:DescribeJobs", "batch:ListJobs"], ["*"], None)
    assert found["ReadJobLogs"] == (["logs:FilterLogEvents"], logs, None)
    passed = {
        resource for actions, resources, _ in found.values() if "iam:PassRole" in actions for resource in resources
    }
    assert not [resource for resource in passed if "many" in resource or "gpu_one" in resource]


def test_the_roles_of_a_job_are_those_of_any_task(batch: Deployment) -> None:
    assert set(rights(batch, "tasklane-stg-many-task")) == {"ReadData", "ListData", "WriteData", "UseKeyThroughS3"}
    assert rights(batch, "tasklane-stg-gpu_one-task") == {}
    agents = rights(batch, "tasklane-stg-batch-instances")
    assert set(agents) == {"JoinCluster", "TalkToEcs", "FindEndpoint"}
    assert all(action.startswith("ecs:") for actions, _, _ in agents.values() for action in actions)


def test_ways_to_batch_and_to_its_instances(batch: Deployment) -> None:
    endpoints = batch.resources("network", "AWS::EC2::VPCEndpoint").values()
    by_service = {str(one["ServiceName"]).rsplit(".", 1)[-1]: one for one in endpoints}
    assert {"batch", "ecs-agent", "ecs-telemetry"} <= set(by_service)
    submit = next(s for s in by_service["batch"]["PolicyDocument"]["Statement"] if s["Sid"] == "SubmitOurs")
    arn = f"arn:aws:batch:{batch.region}:{batch.account}"
    assert submit["Resource"] == [f"{arn}:job-definition/tasklane-stg-*", f"{arn}:job-queue/tasklane-stg-*"]


def test_airflow_is_refused_every_other_action_of_batch(batch: Deployment) -> None:
    """The matrix of tests/security/test_denials.py, on the policy that only an environment with the lane has."""
    policies = batch.resources("batch", "AWS::IAM::ManagedPolicy").values()
    [document] = [p["PolicyDocument"] for p in policies if "EndJobs" in statements(p)]
    here = json.dumps(document).replace("tasklane-stg", universe.PREFIX).replace('"stg"', f'"{ENVIRONMENT}"')
    here = here.replace(batch.account, ACCOUNT).replace(batch.region, REGION)
    grants = grants_of(universe.AIRFLOW, json.loads(here))
    calls = list(universe.foreign_calls(universe.AIRFLOW))
    assert len(calls) > 5_000
    assert {call.action for call in calls if allowed(call, grants)} == {"batch:DescribeJobs", "batch:ListJobs"}
    assert not [call for call in universe.misuse() if allowed(call, grants)]
    ours = {f"aws:ResourceTag/{universe.JOB_TAG}": ENVIRONMENT}
    assert allowed(Call.of(universe.AIRFLOW, "batch:TerminateJob", universe.JOB, ours), grants)
    queue = f"arn:aws:batch:{REGION}:{ACCOUNT}:job-queue/{universe.PREFIX}-fargate"
    assert allowed(Call.of(universe.AIRFLOW, "batch:SubmitJob", queue), grants)
    assert not allowed(Call.of(universe.AIRFLOW, "batch:UpdateJobQueue", queue), grants)


def test_its_idle_cost_knows_every_resource(batch: Deployment) -> None:
    found = idle(load_environment(batch.name, ROOT), batch.stacks)
    assert found.not_counted == []
    assert not [line.what for line in found.lines if line.group == "instances"]  # none is there while nothing runs
    assert [line.item for line in found.by_use if "instances" in line.what] == ["ec2.instance"]

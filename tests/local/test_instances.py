"""Tasks on EC2 instances: what RunTask takes and refuses, and the capacity provider as CloudFormation makes it."""

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.local.emulator_process import Emulator
from tests.local.lane import Lane


@pytest.fixture(scope="module")
def lane(emulator: Emulator) -> Lane:
    made = Lane(emulator, "import os; print('on an instance', flush=True)")
    group = f"arn:aws:autoscaling:us-east-1:000000000000:autoScalingGroup:1:autoScalingGroupName/{made.name}"
    made.provider = f"{made.name}-gpu"  # type: ignore[attr-defined]
    made.ecs.create_capacity_provider(
        name=made.provider,  # type: ignore[attr-defined]
        autoScalingGroupProvider={"autoScalingGroupArn": group},
    )
    made.ecs.put_cluster_capacity_providers(
        cluster=made.name,
        capacityProviders=["FARGATE", made.provider],  # type: ignore[attr-defined]
        defaultCapacityProviderStrategy=[],
    )
    [fargate] = [made.ecs.describe_task_definition(taskDefinition=made.definition)["taskDefinition"]]
    kept = ("networkMode", "taskRoleArn", "executionRoleArn", "cpu", "memory")
    container = {**fargate["containerDefinitions"][0], "resourceRequirements": [{"type": "GPU", "value": "1"}]}
    made.on_instances = made.ecs.register_task_definition(  # type: ignore[attr-defined]
        family=f"{made.name}-gpu",
        requiresCompatibilities=["EC2"],
        containerDefinitions=[container],
        **{name: fargate[name] for name in kept},
    )["taskDefinition"]["taskDefinitionArn"]
    return made


def request(lane: Lane, **changes: Any) -> dict[str, Any]:
    made = lane.request(taskDefinition=lane.on_instances)  # type: ignore[attr-defined]
    made.pop("launchType", None)
    made["networkConfiguration"]["awsvpcConfiguration"].pop("assignPublicIp", None)
    made["capacityProviderStrategy"] = [{"capacityProvider": lane.provider, "weight": 1}]  # type: ignore[attr-defined]
    return {name: value for name, value in {**made, **changes}.items() if value is not None}


def test_a_task_runs_where_its_capacity_provider_says(lane: Lane) -> None:
    gpu = {"name": "work", "resourceRequirements": [{"type": "GPU", "value": "2"}]}
    overrides = {"cpu": "4096", "memory": "15000", "containerOverrides": [gpu]}  # no size of Fargate
    arn = lane.ecs.run_task(**request(lane, overrides=overrides))["tasks"][0]["taskArn"]
    task = lane.until(arn, "STOPPED")
    assert (task["launchType"], task["capacityProviderName"]) == ("EC2", lane.provider)  # type: ignore[attr-defined]
    assert (task["cpu"], task["memory"]) == ("4096", "15000")
    assert "platformVersion" not in task
    assert lane.lines(arn) == ["on an instance"]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"capacityProviderStrategy": [{"capacityProvider": "other"}]}, "not associated with"),
        ({"capacityProviderStrategy": None, "launchType": "EC2"}, "No Container Instances were found"),
        ({"capacityProviderStrategy": None, "launchType": "FARGATE"}, "does not support launch_type FARGATE"),
        ({"overrides": {"ephemeralStorage": {"sizeInGiB": 50}}}, "only supported on Fargate"),
    ],
)
def test_what_does_not_go_with_instances_is_refused(lane: Lane, changes: dict, words: str) -> None:
    with pytest.raises(ClientError, match=words):
        lane.ecs.run_task(**request(lane, **changes))


def test_a_public_address_and_a_gpu_on_fargate_are_refused(lane: Lane) -> None:
    public = request(lane)
    public["networkConfiguration"]["awsvpcConfiguration"]["assignPublicIp"] = "ENABLED"
    with pytest.raises(ClientError, match="Assign public IP is not supported"):
        lane.ecs.run_task(**public)
    gpu = {"containerOverrides": [{"name": "work", "resourceRequirements": [{"type": "GPU", "value": "1"}]}]}
    with pytest.raises(ClientError, match="do not support GPUs"):
        lane.ecs.run_task(**lane.request(overrides=gpu))


def test_a_stack_makes_group_and_provider(emulator: Emulator) -> None:
    data = {"ImageId": "resolve:ssm:/aws/service/ecs/x", "InstanceType": "g4dn.xlarge"}
    scaling = {"Status": "ENABLED", "TargetCapacity": 100, "MinimumScalingStepSize": 1, "MaximumScalingStepSize": 10}
    provider = {"AutoScalingGroupArn": {"Ref": "Group"}, "ManagedScaling": scaling}
    provider |= {"ManagedTerminationProtection": "ENABLED", "ManagedDraining": "ENABLED"}
    template = {"LaunchTemplateId": {"Ref": "Template"}, "Version": {"Fn::GetAtt": ["Template", "LatestVersionNumber"]}}
    group = {"MinSize": "0", "MaxSize": "10", "LaunchTemplate": template, "NewInstancesProtectedFromScaleIn": True}
    resources = {
        "Template": {"Type": "AWS::EC2::LaunchTemplate", "Properties": {"LaunchTemplateData": data}},
        "Group": {"Type": "AWS::AutoScaling::AutoScalingGroup", "Properties": group},
        "Provider": {
            "Type": "AWS::ECS::CapacityProvider",
            "Properties": {"Name": "from-a-stack", "AutoScalingGroupProvider": provider},
        },
    }
    stacks = emulator.client("cloudformation")
    stacks.create_stack(StackName="instances", TemplateBody=json.dumps({"Resources": resources}))
    stacks.get_waiter("stack_create_complete").wait(StackName="instances", WaiterConfig={"Delay": 1})
    [made] = emulator.client("ecs").describe_capacity_providers(capacityProviders=["from-a-stack"])["capacityProviders"]
    kept = made["autoScalingGroupProvider"]
    assert kept["managedScaling"]["maximumScalingStepSize"] == 10
    assert (kept["managedTerminationProtection"], kept["managedDraining"]) == ("ENABLED", "ENABLED")
    stacks.delete_stack(StackName="instances")
    stacks.get_waiter("stack_delete_complete").wait(StackName="instances", WaiterConfig={"Delay": 1})
    assert not emulator.client("ecs").describe_capacity_providers(capacityProviders=["from-a-stack"])[
        "capacityProviders"
    ]

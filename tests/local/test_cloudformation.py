"""CloudFormation: what a template says is what the services answer, at first, after an update, after a delete."""

import json
from functools import partial
from typing import Any

import pytest
from botocore.exceptions import ClientError, WaiterError

from local.aws.compare import compare_stack
from local.aws.compare.differences import differences
from tests.local.emulator_process import Emulator, start_emulator
from tests.local.template import everything

WAIT = {"Delay": 0.1, "MaxAttempts": 300}


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory):
    """An emulator without anything of other tests, so that what a stack leaves behind is seen."""
    started = start_emulator(tmp_path_factory.mktemp("cloudformation"))
    yield started
    started.stop()


def deploy(emulator: Emulator, template: dict, name: str = "everything", **parameters: Any) -> None:
    """Create or update the stack; a parameter None keeps its previous value."""
    client = emulator.client("cloudformation")
    values = {
        key: {"UsePreviousValue": True} if value is None else {"ParameterValue": value}
        for key, value in parameters.items()
    }
    given = [{"ParameterKey": key, **value} for key, value in values.items()]
    known = {
        stack["StackName"]
        for stack in client.list_stacks(StackStatusFilter=["CREATE_COMPLETE", "UPDATE_COMPLETE"])["StackSummaries"]
    }
    change = client.update_stack if name in known else client.create_stack
    change(
        StackName=name,
        TemplateBody=json.dumps(template),
        Parameters=given,
        Capabilities=["CAPABILITY_NAMED_IAM"],
        Tags=[{"Key": "project", "Value": "everything"}],
    )
    waiter = "stack_update_complete" if name in known else "stack_create_complete"
    client.get_waiter(waiter).wait(StackName=name, WaiterConfig=WAIT)


def found(emulator: Emulator, template: dict) -> list[str]:
    return [str(one) for one in compare_stack("everything", template, partial(emulator.client))]


def test_every_property_is_deployed_updated_and_taken_away(clean: Emulator) -> None:
    first, changed = everything(), everything(changed=True)
    deploy(clean, first)
    assert found(clean, first) == []
    assert len(found(clean, changed)) > 20  # the comparison sees a difference where there is one

    deploy(clean, changed, Image=":second", RequirementsVersion="v2")
    assert found(clean, changed) == []
    environment = clean.client("mwaa").get_environment(Name="everything")["Environment"]
    assert environment["RequirementsS3ObjectVersion"] == "v2"
    assert "AirflowConfigurationOptions" not in environment

    deploy(clean, first, Image=None, RequirementsVersion=None)
    assert found(clean, first) == []
    definition = clean.client("ecs").describe_task_definition(taskDefinition="everything-task")["taskDefinition"]
    assert definition["containerDefinitions"][0]["image"].endswith(":second")
    assert definition["revision"] == 3

    client = clean.client("cloudformation")
    client.delete_stack(StackName="everything")
    client.get_waiter("stack_delete_complete").wait(StackName="everything", WaiterConfig=WAIT)
    assert left_behind(clean) == {}


def left_behind(emulator: Emulator) -> dict[str, Any]:
    """Resources that still exist, by kind."""
    ec2, iam = emulator.client("ec2"), emulator.client("iam")
    vpcs = [vpc for vpc in ec2.describe_vpcs()["Vpcs"] if vpc["CidrBlock"] == "10.1.0.0/16"]
    remaining = {
        "vpcs": vpcs,
        "addresses": ec2.describe_addresses()["Addresses"],
        "gateways": ec2.describe_nat_gateways()["NatGateways"],
        "flow logs": ec2.describe_flow_logs()["FlowLogs"],
        "endpoints": ec2.describe_vpc_endpoints()["VpcEndpoints"],
        "buckets": emulator.client("s3").list_buckets()["Buckets"],
        "repositories": emulator.client("ecr").describe_repositories()["repositories"],
        "roles": [role for role in iam.list_roles()["Roles"] if role["RoleName"] == "everything-role"],
        "policies": iam.list_policies(Scope="Local")["Policies"],
        "environments": emulator.client("mwaa").list_environments()["Environments"],
        "clusters": emulator.client("ecs").list_clusters()["clusterArns"],
        "log groups": emulator.client("logs").describe_log_groups()["logGroups"],
        "alarms": emulator.client("cloudwatch").describe_alarms()["MetricAlarms"],
        "topics": emulator.client("sns").list_topics()["Topics"],
        "rules": emulator.client("events").list_rules()["Rules"],
        "parameters": emulator.client("ssm").describe_parameters()["Parameters"],
    }
    return {kind: resources for kind, resources in remaining.items() if resources}


@pytest.mark.parametrize(
    ("kind", "properties", "reason"),
    [
        (
            "AWS::S3::Bucket",
            {"AnalyticsConfigurations": []},
            "AWS::S3::Bucket: the local AWS does not store AnalyticsConfigurations",
        ),
        (
            "AWS::EC2::EIP",
            {"NetworkBorderGroup": "x"},
            "AWS::EC2::EIP: the local AWS does not store NetworkBorderGroup",
        ),
        ("AWS::MWAA::Environment", {"Name": "x"}, "#: required key [ExecutionRoleArn] not found"),
        ("AWS::Batch::NoSuchType", {}, "AWS::Batch::NoSuchType"),
    ],
)
def test_what_would_be_dropped_fails_the_deployment(clean: Emulator, kind: str, properties: dict, reason: str) -> None:
    name = f"refused-{kind.rsplit(':', 1)[-1]}"
    template = {"Resources": {"One": {"Type": kind, "Properties": properties}}}
    with pytest.raises((WaiterError, ClientError)) as refused:
        deploy(clean, template, name)
    reasons = [str(refused.value)]
    if refused.type is WaiterError:
        events = clean.client("cloudformation").describe_stack_events(StackName=name)["StackEvents"]
        reasons += [event.get("ResourceStatusReason", "") for event in events]
    assert any(reason in one for one in reasons), reasons


def test_comparing_takes_silence_for_a_difference() -> None:
    assert [str(one) for one in differences("x", {"Unknown": 1}, {})] == [
        "x Unknown: not deployed or not readable; template: 1"
    ]


@pytest.mark.parametrize(
    ("expected", "actual", "same"),
    [
        ({"Size": "5"}, {"Size": 5}, True),
        ({"On": True}, {"On": "true"}, True),
        ({"On": True}, {"On": False}, False),
        ({"A": {"B": 1}}, {"A": {"B": 1, "C": 2}}, True),
        ({"A": [1, 2]}, {"A": [2, 1]}, False),
        ({"SubnetIds": ["a", "b"]}, {"SubnetIds": ["b", "a"]}, True),
        ({"SubnetIds": ["a"]}, {"SubnetIds": ["a", "b"]}, False),
        (
            {"Tags": [{"Key": "a", "Value": "1"}]},
            {"Tags": [{"key": "a", "value": "1"}, {"key": "b", "value": "2"}]},
            True,
        ),
        ({"PolicyDocument": {"S": {"Action": "a"}}}, {"PolicyDocument": '{"S": {"Action": ["a"]}}'}, True),
        (
            {"PolicyDocument": {"S": {"Action": "a"}}},
            {"PolicyDocument": {"S": {"Action": "a", "Resource": "*"}}},
            False,
        ),
    ],
)
def test_what_counts_as_the_same(expected: dict, actual: dict, same: bool) -> None:
    assert (differences("x", expected, actual) == []) is same

"""The tags that `tasklane cost report --bill` asks by are on what AWS charges for."""

import pytest

from platform_spec.cost_tags import ENVIRONMENT_TAG, OWNER_TAG, PROJECT_TAG, TASK_TAG
from platform_spec.naming import PROJECT
from platform_spec.tasks import load_tasks
from tests.stacks.conftest import ROOT
from tests.stacks.evaluate import Deployment

OWNERS = {name: task.owner for name, task in load_tasks(ROOT).items()}
BILLED = {
    "AWS::Batch::ComputeEnvironment",
    "AWS::DynamoDB::Table",
    "AWS::EC2::NatGateway",
    "AWS::EC2::VPCEndpoint",
    "AWS::KMS::Key",
    "AWS::Logs::LogGroup",
    "AWS::MWAA::Environment",
    "AWS::S3::Bucket",
}
OF_A_TASK = {"AWS::ECS::TaskDefinition", "AWS::Batch::JobDefinition", "AWS::ECR::Repository"}


def tags(resource: dict[str, object]) -> dict[str, str]:
    """CloudFormation has two forms of them."""
    properties = resource["Properties"]
    found = properties.get("Tags") or {} if isinstance(properties, dict) else {}
    return found if isinstance(found, dict) else {tag["Key"]: tag["Value"] for tag in found}


def test_what_is_charged_for_names_project_and_environment(deployment: Deployment) -> None:
    found = [r for t in deployment.stacks.values() for r in t["Resources"].values() if r["Type"] in BILLED | OF_A_TASK]
    assert {"AWS::MWAA::Environment", *OF_A_TASK} <= {resource["Type"] for resource in found}
    for resource in found:
        mine = tags(resource)
        assert (mine.get(PROJECT_TAG), mine.get(ENVIRONMENT_TAG)) == (PROJECT, deployment.name), resource["Type"]


@pytest.mark.parametrize("kind", sorted(OF_A_TASK))
def test_what_is_a_tasks_own_names_its_owner(deployment: Deployment, kind: str) -> None:
    found = [r for t in deployment.stacks.values() for r in t["Resources"].values() if r["Type"] == kind]
    assert found
    for resource in found:
        mine = tags(resource)
        assert mine[OWNER_TAG] == OWNERS[mine[TASK_TAG]]

"""Logical ids of what holds state, pinned: CloudFormation replaces a resource whose id changes, data and all.

An id may change only together with a migration; then, and only then, is this table edited.
"""

from __future__ import annotations

from tests.stacks.conftest import Deployments
from tests.stacks.evaluate import Deployment

STATEFUL = {
    "storage": {
        "AccessLogs8B620ECA": "AWS::S3::Bucket",
        "Dags188BE91E": "AWS::S3::Bucket",
        "Data666C94C7": "AWS::S3::Bucket",
        "Key961B73FD": "AWS::KMS::Key",
    },
    "network": {"NetworkFlowLogs2BEC3212": "AWS::Logs::LogGroup"},
    "registry": {"Microbiome3051137C": "AWS::ECR::Repository"},
    "compute": {"MicrobiomeLogF23DDE3B": "AWS::Logs::LogGroup", "ClusterEB0386A7": "AWS::ECS::Cluster"},
    "batch": {
        "RecommendationInferenceTaskLogC0FE8877": "AWS::Logs::LogGroup",
        "FargateQueue4F5615A9": "AWS::Batch::JobQueue",
    },
    "airflow": {"AirflowEnvironmentD4869977": "AWS::MWAA::Environment"},
    "monitoring": {"TaskEventsLogBBFBB7E6": "AWS::Logs::LogGroup"},
}
# Names in the exports that other stacks import: a change of one cannot be deployed while it is in use.
EXPORTED = {
    "storage": {
        "ExportsOutputFnGetAttDags188BE91EArnEADFEBCD",
        "ExportsOutputFnGetAttData666C94C7Arn0D7E21B7",
        "ExportsOutputFnGetAttKey961B73FDArn5A860C43",
    },
    "network": {
        "ExportsOutputFnGetAttSecurityGroupsAirflow1A426D43GroupId7CBD99E2",
        "ExportsOutputFnGetAttSecurityGroupsTasks5A07FEEBGroupId56741316",
        "ExportsOutputRefNetworkVpcprivateSubnet1Subnet9EC58498554293D5",
        "ExportsOutputRefNetworkVpcprivateSubnet2Subnet6E5E880441579850",
    },
    "registry": set(),
    "compute": {"ExportsOutputRefRunTasks13A9813D2443CF091"},
    "batch": {"ExportsOutputRefSubmitJobs1FAD90651796FEBB0"},
    "airflow": set(),
    "monitoring": set(),
}


def test_stateful_ids(deployment: Deployment) -> None:
    for part, pinned in STATEFUL.items():
        resources = deployment.stacks[part]["Resources"]
        assert {id_: resources.get(id_, {}).get("Type") for id_ in pinned} == pinned


def test_exports(deployment: Deployment) -> None:
    exports = {part: set(template.get("Outputs", {})) for part, template in deployment.stacks.items()}
    assert exports.pop("delivery", set()) == set()
    # Jobs run in every zone, MWAA in two of them.
    third = {"ExportsOutputRefNetworkVpcprivateSubnet3SubnetC252FE863EA8A77F"} if deployment.name == "prod" else set()
    assert exports == EXPORTED | {"network": EXPORTED["network"] | third}


def test_a_task_leaves_airflow_alone(sample: Deployment, deployments: Deployments) -> None:
    """What takes MWAA half an hour is the same whatever tasks there are; roles of light tasks lie beside it."""

    def but_rights(deployment: Deployment) -> dict[str, object]:
        """The whole stack but for what light tasks have there: roles, the right to take them on, what is published."""
        resources = deployment.stacks["airflow"]["Resources"].items()
        own = {id_: made for id_, made in resources if not id_.startswith("WorkerTasks")}
        return {id_: made for id_, made in own.items() if not made["Type"].startswith("AWS::IAM::")}

    assert but_rights(sample) == but_rights(deployments["stg"])


def test_a_task_adds_no_export(sample: Deployment) -> None:
    """With one export per task, a removed task could not be deployed: the stack that imports it comes later."""
    assert set(sample.stacks["compute"]["Outputs"]) == EXPORTED["compute"]
    assert "Outputs" not in sample.stacks["registry"]

"""The app as a whole: which stacks, in which order, and what a person reads when it cannot be built."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from platform_spec.environments import load_environment
from platform_spec.naming import STACKS
from platform_spec.tasks import load_tasks
from tests.stacks.conftest import IDLE_TASK, ROOT, SAMPLE_TASK, Deployments, copy_of_root, synthesize
from tests.stacks.evaluate import Deployment

# What the stacks are made of. A new type needs a look at what the emulator and the deploy role make of it.
TYPES = {
    "storage": {
        "AWS::DynamoDB::Table",
        "AWS::KMS::Alias",
        "AWS::KMS::Key",
        "AWS::S3::Bucket",
        "AWS::S3::BucketPolicy",
        "AWS::SSM::Parameter",
    },
    "registry": {"AWS::ECR::Repository"},
    "compute": {
        "AWS::ECS::Cluster",
        "AWS::ECS::ClusterCapacityProviderAssociations",
        "AWS::ECS::TaskDefinition",
        "AWS::IAM::ManagedPolicy",
        "AWS::IAM::Role",
        "AWS::Logs::LogGroup",
        "AWS::SSM::Parameter",
    },
    "batch": {
        "AWS::Batch::ComputeEnvironment",
        "AWS::Batch::JobDefinition",
        "AWS::Batch::JobQueue",
        "AWS::IAM::ManagedPolicy",
        "AWS::IAM::Role",
        "AWS::Logs::LogGroup",
        "AWS::SSM::Parameter",
    },
    "delivery": {"AWS::IAM::ManagedPolicy", "AWS::IAM::Role"},
    "airflow": {
        "AWS::IAM::ManagedPolicy",
        "AWS::IAM::Role",
        "AWS::Logs::LogGroup",
        "AWS::MWAA::Environment",
        "AWS::SSM::Parameter",
    },
    "monitoring": {
        "AWS::CloudWatch::Alarm",
        "AWS::CloudWatch::Dashboard",
        "AWS::Events::Rule",
        "AWS::Logs::LogGroup",
        "AWS::Logs::ResourcePolicy",
        "AWS::SNS::Topic",
        "AWS::SNS::TopicPolicy",
        "AWS::SSM::Parameter",
    },
    "network": {
        "AWS::EC2::FlowLog",
        "AWS::EC2::RouteTable",
        "AWS::EC2::SecurityGroup",
        "AWS::EC2::SecurityGroupEgress",
        "AWS::EC2::SecurityGroupIngress",
        "AWS::EC2::Subnet",
        "AWS::EC2::SubnetRouteTableAssociation",
        "AWS::EC2::VPC",
        "AWS::EC2::VPCEndpoint",
        "AWS::IAM::ManagedPolicy",
        "AWS::IAM::Role",
        "AWS::Logs::LogGroup",
        "AWS::SSM::Parameter",
    },
}
BATCH = any(task.lane == "batch" for task in load_tasks(ROOT).values())
NAT_TYPES = {
    "AWS::EC2::EIP",
    "AWS::EC2::InternetGateway",
    "AWS::EC2::NatGateway",
    "AWS::EC2::Route",
    "AWS::EC2::VPCGatewayAttachment",
}


def test_the_stacks_and_their_types(deployment: Deployment) -> None:
    """Exact sets: no custom resource (they would be Lambda functions), no inline policy, nothing by accident."""
    settings = load_environment(deployment.name, ROOT)
    made = set(STACKS) if BATCH else set(STACKS) - {"batch"}
    assert set(deployment.stacks) == made | ({"delivery"} if settings.delivery else set())
    more = {
        "network": NAT_TYPES if settings.network.mode == "nat" else set(),
        "monitoring": {"AWS::SNS::Subscription"} if settings.alarm_address else set(),
        "delivery": {"AWS::IAM::OIDCProvider"} if settings.delivery and settings.delivery.creates_provider else set(),
    }
    for part, template in deployment.stacks.items():
        expected = TYPES[part] | more.get(part, set())
        assert {resource["Type"] for resource in template["Resources"].values()} == expected, part


def test_a_fresh_account_gets_them_in_this_order(deployment: Deployment) -> None:
    manifest = json.loads((deployment.outdir / "manifest.json").read_text())["artifacts"]
    prefix = f"tasklane-{deployment.name}-"
    after = {
        part: {d.removeprefix(prefix) for d in manifest[prefix + part]["dependencies"] if not d.endswith(".assets")}
        for part in deployment.stacks
    }
    assert after.pop("delivery", set()) == set()  # first of all, by a person: it makes the roles of the others
    assert after == {
        "storage": set(),
        "network": {"storage"},
        "registry": {"storage"},
        "compute": {"storage", "registry"},
        "batch": {"storage", "network", "registry"},
        "airflow": {"storage", "network", "compute", "batch"},
        "monitoring": {"storage"},
    }


def test_account_region_and_the_first_key_against_deletion(deployment: Deployment) -> None:
    settings = load_environment(deployment.name, ROOT)
    manifest = json.loads((deployment.outdir / "manifest.json").read_text())["artifacts"]
    for part in deployment.stacks:
        stack = manifest[f"tasklane-{deployment.name}-{part}"]
        assert stack["environment"] == f"aws://{settings.account}/{settings.region}"
        assert stack["properties"]["terminationProtection"] is True


def test_the_second_key_against_deletion(deployment: Deployment) -> None:
    """What holds data stays when its stack goes, exactly where keeps_data says so."""
    expected = "Retain" if load_environment(deployment.name, ROOT).keeps_data else "Delete"
    stateful = ("AWS::S3::Bucket", "AWS::KMS::Key", "AWS::ECR::Repository", "AWS::Logs::LogGroup")
    for template in deployment.stacks.values():
        for id_, resource in template["Resources"].items():
            if resource["Type"] in stateful:
                policies = (resource["DeletionPolicy"], resource["UpdateReplacePolicy"])
                assert policies == (expected, expected), id_


def test_only_templates_are_uploaded(deployment: Deployment) -> None:
    for path in deployment.outdir.glob("*.assets.json"):
        files = json.loads(path.read_text())
        assert [asset["source"]["path"] for asset in files["files"].values()] == [
            path.name.replace(".assets.json", ".template.json")
        ]
        assert not files.get("dockerImages")


def test_everything_is_tagged(deployment: Deployment) -> None:
    bucket = deployment.one("storage", "AWS::S3::Bucket", BucketName=_data_bucket(deployment))
    assert {tag["Key"]: tag["Value"] for tag in bucket["Tags"]} == {
        "project": "tasklane",
        "environment": deployment.name,
    }


def test_synthesis_is_deterministic(deployments: Deployments, tmp_path: Path) -> None:
    assert synthesize("local", ROOT, tmp_path) == 0
    for path in deployments["local"].outdir.glob("*.template.json"):
        assert (tmp_path / path.name).read_bytes() == path.read_bytes()


def test_no_tasks_is_a_deployment_without_registry(tmp_path: Path) -> None:
    root = copy_of_root(tmp_path / "root", {})
    assert synthesize("stg", root, tmp_path / "out") == 0
    made = Deployment(tmp_path / "out", "stg", "444455556666", "ap-northeast-1")
    assert set(made.stacks) - {"delivery"} == set(STACKS) - {"registry", "batch"}


def test_from_the_command_line_an_unknown_environment_is_one_line() -> None:
    context = json.dumps({"env": "prd"})
    run = subprocess.run(
        [sys.executable, "app.py"],
        cwd=ROOT,
        env={**os.environ, "CDK_CONTEXT_JSON": context},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 1
    assert run.stderr == (
        'app.py: environments/: there is no environment "prd"; '
        "allowed: dev, local, prod, stg; fix: did you mean prod?\n"
    )


@pytest.mark.parametrize(
    ("env", "broken", "expected"),
    [
        ("", None, "app.py: which environment? run cdk with -c env=<dev|local|prod|stg>\n"),
        (
            "stg",
            ("environments/stg.toml", "spot_share = 1.0", "spot_share = 2"),
            "environments/stg.toml: spot_share = 2: ",
        ),
        ("stg", ("task_images/one/task.toml", "20480", "20000"), "sizes.normal.memory_mib = 20000: not valid with"),
        ("stg", ("dags/access.toml", '"raw/"', '"raw"'), "dags/access.toml: access.list = "),
    ],
)
def test_a_bad_specification_is_one_line(
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    env: str,
    broken: tuple[str, str, str] | None,
    expected: str,
) -> None:
    root = copy_of_root(tmp_path / "root", {"one": SAMPLE_TASK, "two": IDLE_TASK})
    if broken:
        file, old, new = broken
        text = (root / file).read_text()
        assert old in text
        (root / file).write_text(text.replace(old, new))
    assert synthesize(env, root, tmp_path / "out") == 1
    message = capfd.readouterr().err
    assert expected in message
    assert message.count("\n") == 1
    assert "Traceback" not in message


def _data_bucket(deployment: Deployment) -> str:
    return f"tasklane-{deployment.name}-data-{deployment.account}-{deployment.region}"

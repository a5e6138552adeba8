"""Preflight: the shipped environments have no finding; every check has an example that breaks it."""

import copy
import io
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ops.finding import Finding
from ops.infrastructure.templates import synthesize, templates
from ops.preflight.doctor import examine
from ops.preflight.files import check_plugins, check_requirements
from ops.preflight.jobs import check_job_definitions
from ops.preflight.run import ON_TEMPLATES
from ops.preflight.subject import Subject
from ops.preflight.tasks import check_vcpu_quota, planned_vcpus
from ops.workspace import ROOT, Workspace
from platform_spec.batch_settings import BatchSettings
from tests.ops.repository import make_repository

Templates = dict[str, Any]
SETTINGS = {
    # Both network modes; a customer key in each.
    "inside": "",
    "outside": 'mode = "nat"\nnat_gateways = 1\n',
}


@pytest.fixture(scope="module")
def subjects(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Subject]:
    """An environment with endpoints and one with a NAT gateway, synthesized."""
    root = make_repository(tmp_path_factory.mktemp("repository"), *SETTINGS)
    made = {}
    for name, network in SETTINGS.items():
        path = root / f"environments/{name}.toml"
        path.write_text(path.read_text().replace('cidr = "10.90.0.0/16"', f'cidr = "10.90.0.0/16"\n{network}'))
        workspace = Workspace(name, root)
        synthesize(workspace)
        made[name] = Subject(workspace.environment, workspace.names, templates(workspace))
    return made


def findings(subject: Subject) -> list[Finding]:
    return [finding for check in ON_TEMPLATES for finding in check(subject)]


@pytest.mark.parametrize("name", SETTINGS)
def test_what_the_stacks_make_passes(subjects: dict[str, Subject], name: str) -> None:
    assert findings(subjects[name]) == []


def each(templates: Templates, type_: str) -> list[dict[str, Any]]:
    found = [r for t in templates.values() for r in t.get("Resources", {}).values() if r["Type"] == type_]
    assert found, type_
    return found


def remove(templates: Templates, type_: str, containing: str = "") -> None:
    """Take resources of a type out whose properties contain a text."""
    for template in templates.values():
        kept = {k: r for k, r in template["Resources"].items() if r["Type"] != type_ or containing not in str(r)}
        template["Resources"] = kept


def put(type_: str, path: str, value: Any) -> Callable[[Templates], None]:
    """Set one property of the resources of a type; `path` is separated by dots."""

    def change(templates: Templates) -> None:
        for resource in each(templates, type_):
            *folders, last = path.split(".")
            at = resource["Properties"]
            for folder in folders:
                at = at[folder]
            at[last] = value

    return change


def no_logs_in_the_key_policy(templates: Templates) -> None:
    for key in each(templates, "AWS::KMS::Key"):
        statements = key["Properties"]["KeyPolicy"]["Statement"]
        key["Properties"]["KeyPolicy"]["Statement"] = [s for s in statements if "logs" not in str(s["Principal"])]


def no_action(action: str) -> Callable[[Templates], None]:
    def change(templates: Templates) -> None:
        for policy in each(templates, "AWS::IAM::ManagedPolicy"):
            for statement in policy["Properties"]["PolicyDocument"]["Statement"]:
                if isinstance(statement["Action"], list):
                    statement["Action"] = [a for a in statement["Action"] if a != action]
                elif statement["Action"] == action:
                    statement["Action"] = "sts:GetCallerIdentity"

    return change


def distrust(templates: Templates) -> None:
    for role in each(templates, "AWS::IAM::Role"):
        text = str(role["Properties"]["AssumeRolePolicyDocument"])
        if "airflow-env" in text:
            role["Properties"]["AssumeRolePolicyDocument"] = {"Statement": []}


def eleven_policies(templates: Templates) -> None:
    role = each(templates, "AWS::IAM::Role")[0]
    stack = next(t for t in templates.values() if role in t["Resources"].values())
    name = next(key for key, resource in stack["Resources"].items() if resource is role)
    for number in range(11):
        stack["Resources"][f"Extra{number}"] = {
            "Type": "AWS::IAM::ManagedPolicy",
            "Properties": {"Roles": [{"Ref": name}], "PolicyDocument": {"Statement": []}},
        }


def no_self_reference(templates: Templates) -> None:
    for template in templates.values():
        kept = {
            k: r
            for k, r in template["Resources"].items()
            if r["Type"] != "AWS::EC2::SecurityGroupIngress" or r["Properties"].get("IpProtocol") != "-1"
        }
        template["Resources"] = kept


MWAA, LOGS = "AWS::MWAA::Environment", "AWS::Logs::LogGroup"
PUBLIC = "PublicAccessBlockConfiguration.BlockPublicAcls"
LARGE_POLICY = [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": ["arn:aws:s3:::bucket/" + "x" * 100] * 60}]
# (what, environment, how it is broken, the check that says so)
BROKEN: list[tuple[str, str, Callable[[Templates], None], str]] = [
    ("version", "inside", put(MWAA, "AirflowVersion", "3.9.9"), "Airflow version"),
    ("class", "inside", put(MWAA, "EnvironmentClass", "mw1.huge"), "environment class"),
    ("workers", "inside", put(MWAA, "MaxWorkers", 26), "workers"),
    ("schedulers", "inside", put(MWAA, "Schedulers", 1), "schedulers and web servers"),
    ("path", "inside", put(MWAA, "DagS3Path", "/dags"), "DAG path"),
    ("one zone", "inside", put("AWS::EC2::Subnet", "AvailabilityZone", "us-east-1a"), "subnets"),
    ("public", "inside", put("AWS::EC2::Subnet", "MapPublicIpOnLaunch", True), "subnets"),
    ("no environment", "inside", lambda t: remove(t, MWAA), "MWAA environment"),
    ("no log group", "inside", lambda t: remove(t, LOGS, "airflow-tasklane-inside-Worker"), "log group"),
    ("open log", "inside", lambda t: [g["Properties"].pop("KmsKeyId", 0) for g in each(t, LOGS)], "log group"),
    ("dns", "inside", put("AWS::EC2::VPC", "EnableDnsHostnames", False), "DNS"),
    ("self", "inside", no_self_reference, "security group"),
    ("sqs", "inside", lambda t: remove(t, "AWS::EC2::VPCEndpoint", ".sqs"), "endpoints"),
    ("private dns", "inside", put("AWS::EC2::VPCEndpoint", "PrivateDnsEnabled", False), "endpoints"),
    ("no nat", "outside", lambda t: remove(t, "AWS::EC2::Route", "NatGatewayId"), "endpoints"),
    ("public bucket", "inside", put("AWS::S3::Bucket", PUBLIC, False), "public access"),
    ("no versions", "inside", put("AWS::S3::Bucket", "VersioningConfiguration.Status", "Suspended"), "versioning"),
    ("key", "inside", no_logs_in_the_key_policy, "key policy"),
    ("trust", "inside", distrust, "execution role"),
    ("sqs right", "inside", no_action("sqs:SendMessage"), "execution role"),
    ("policy", "inside", put("AWS::IAM::ManagedPolicy", "PolicyDocument.Statement", LARGE_POLICY), "policy size"),
    ("policies", "inside", eleven_policies, "policies of a role"),
    ("name", "inside", put("AWS::IAM::Role", "RoleName", "r" * 65), "role name"),
    ("size", "inside", put("AWS::ECS::TaskDefinition", "Memory", "3000"), "Fargate size"),
    ("disk", "inside", put("AWS::ECS::TaskDefinition", "EphemeralStorage", {"SizeInGiB": 20}), "Fargate size"),
]  # fmt: skip


@pytest.mark.parametrize(("environment", "break_it", "check"), [b[1:] for b in BROKEN], ids=[b[0] for b in BROKEN])
def test_each_check_finds_its_broken_example(
    subjects: dict[str, Subject], environment: str, break_it: Callable[[Templates], None], check: str
) -> None:
    sound = subjects[environment]
    broken = copy.deepcopy(dict(sound.templates))
    break_it(broken)
    found = findings(Subject(sound.environment, sound.names, broken))
    assert check in {finding.check for finding in found}, found
    assert all(finding.why and finding.fix and finding.where for finding in found)


def archive(**files: str) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as made:
        for name, content in files.items():
            made.writestr(name.replace("__", "/"), content)
    return target.getvalue()


def test_plugins_one_folder_too_deep_or_with_wrong_syntax() -> None:
    assert list(check_plugins(archive(**{"good.py": "a = 1\n", "folder__other.py": ""}))) == []
    found = list(check_plugins(archive(**{"plugins__deep.py": "", "bad.py": "def f(:\n"})))
    assert [finding.where for finding in found] == ["plugins.zip: plugins/deep.py", "plugins/bad.py:1"]


def test_requirements_are_resolved_with_the_constraints_of_the_version(tmp_path: Path) -> None:
    root = make_repository(tmp_path, "inside", "outside")
    path = root / "environments/outside.toml"
    path.write_text(path.read_text().replace("cidr", 'mode = "nat"\nnat_gateways = 1\ncidr'))
    (root / "mwaa").mkdir()
    constraints = (ROOT / "mwaa/constraints-3.0.6.txt").read_text()
    (root / "mwaa/constraints-3.0.6.txt").write_text(constraints)
    requirements = root / "mwaa/requirements.txt"
    outside, inside = Workspace("outside", root), Workspace("inside", root)
    requirements.write_text("# none\n")
    assert list(check_requirements(outside)) == []
    requirements.write_text("sqlparse\n")
    assert list(check_requirements(outside)) == []
    assert [f.what for f in check_requirements(inside)] == ["needs the internet"]
    requirements.write_text("sqlparse==0.1.0\n")
    [finding] = check_requirements(outside)
    assert "sqlparse" in finding.what
    (root / "mwaa/constraints-3.0.6.txt").unlink()
    [finding] = check_requirements(outside)
    assert "constraints-3.0.6.txt is missing" in finding.what


def test_quotas_against_the_pools(subjects: dict[str, Subject]) -> None:
    workspace = Workspace("dev", ROOT)
    subject = Subject(workspace.environment, workspace.names, {})
    planned = planned_vcpus(subject, {"microbiome": workspace.tasks["microbiome"]})
    assert planned == 10  # 10 slots of one vCPU each
    assert list(check_vcpu_quota(planned, {"on demand": 16.0, "Spot": 1000.0}, "dev")) == []
    [finding] = check_vcpu_quota(planned, {"on demand": 15.0}, "dev")
    assert "the quota (on demand, L-3032A538) is 15" in finding.what
    [finding] = check_vcpu_quota(1, {"Spot": 4.0}, "dev")
    assert "less than one task of the largest size" in finding.what


def test_doctor_names_what_is_missing_and_how_to_get_it(tmp_path: Path) -> None:
    assert all(found.ok for found in examine(ROOT, engine=lambda: "podman") if found.needed)
    (tmp_path / "environments").mkdir()
    (tmp_path / "environments/dev.toml").write_text("account = 1\n")
    found = {item.name: item for item in examine(tmp_path, engine=lambda: None)}
    missing = {name for name, item in found.items() if not item.ok}
    assert missing >= {"git", "CDK CLI", "Airflow 3.0.6", "emulator", "image builder", "environments/dev.toml"}
    assert not found["image builder"].needed
    assert all(found[name].fix for name in missing)


@pytest.mark.parametrize(
    ("requirements", "more", "found"),
    [
        ({"VCPU": "0.25", "MEMORY": "512"}, {}, []),
        ({"VCPU": "0.25", "MEMORY": "4096"}, {}, ["memory_mib 4096: not valid with cpu_units 256"]),
        ({"VCPU": "1", "MEMORY": "2048"}, {"EphemeralStorage": {"SizeInGiB": 20}}, ["asks for 20 GiB of storage"]),
        ({"VCPU": "16", "MEMORY": "32768"}, {}, ["asks for 16 vCPUs, 8 are there"]),
    ],
)
def test_jobs_of_batch(requirements: dict[str, str], more: dict[str, Any], found: list[str]) -> None:
    workspace = Workspace("local", ROOT)
    small = workspace.environment.model_copy(update={"batch": BatchSettings(max_vcpus=8)})
    needs = [{"Type": kind, "Value": value} for kind, value in requirements.items()]
    properties = {"PlatformCapabilities": ["FARGATE"], "ContainerProperties": {"ResourceRequirements": needs, **more}}
    template = {"Resources": {"Job": {"Type": "AWS::Batch::JobDefinition", "Properties": properties}}}
    said = list(check_job_definitions(Subject(small, workspace.names, {"tasklane-local-batch": template})))
    assert len(said) == len(found)
    assert all(text in finding.what for text, finding in zip(found, said, strict=True))

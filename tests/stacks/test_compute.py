"""Specification = template: what task.toml says is what ECS is told."""

from __future__ import annotations

import json
from typing import Any

import pytest

from platform_spec.environments import load_environment
from platform_spec.lanes import ON_ECS
from platform_spec.tasks import Task, load_tasks
from tests.stacks.conftest import ROOT
from tests.stacks.evaluate import Deployment

TASKS = {name: task for name, task in load_tasks(ROOT).items() if task.lane in ON_ECS}


def definition(deployment: Deployment, task: str) -> dict[str, Any]:
    return deployment.one("compute", "AWS::ECS::TaskDefinition", Family=f"tasklane-{deployment.name}-{task}")


def container(deployment: Deployment, task: str) -> dict[str, Any]:
    [only] = definition(deployment, task)["ContainerDefinitions"]
    assert isinstance(only, dict)
    return only


def test_one_definition_per_task_and_no_other(deployment: Deployment) -> None:
    definitions = deployment.resources("compute", "AWS::ECS::TaskDefinition").values()
    assert {d["Family"] for d in definitions} == {f"tasklane-{deployment.name}-{task}" for task in TASKS}
    assert TASKS


@pytest.mark.parametrize("task", TASKS.values(), ids=lambda task: task.name)
def test_size_architecture_and_roles(deployment: Deployment, task: Task) -> None:
    made, size = definition(deployment, task.name), task.sizes[task.default_size]
    assert (made["Cpu"], made["Memory"]) == (str(size.cpu_units), str(size.memory_mib))
    assert made.get("EphemeralStorage") == ({"SizeInGiB": size.storage_gib} if size.storage_gib > 20 else None)
    assert made["RuntimePlatform"] == {"CpuArchitecture": task.architecture.upper(), "OperatingSystemFamily": "LINUX"}
    assert (made["NetworkMode"], made["RequiresCompatibilities"]) == ("awsvpc", ["FARGATE"])
    role = f"arn:aws:iam::{deployment.account}:role/tasklane-{deployment.name}-{task.name}"
    assert (made["TaskRoleArn"], made["ExecutionRoleArn"]) == (f"{role}-task", f"{role}-exec")
    owner = {tag["Key"]: tag["Value"] for tag in made["Tags"]}["owner"]
    assert owner == task.owner


@pytest.mark.parametrize("task", TASKS.values(), ids=lambda task: task.name)
def test_container(deployment: Deployment, task: Task) -> None:
    made = container(deployment, task.name)
    assert made["Name"] == task.name
    assert made["StopTimeout"] == task.stop_timeout_seconds
    assert made["ReadonlyRootFilesystem"] is True
    assert made["Privileged"] is False
    assert made["LinuxParameters"] == {"Capabilities": {"Drop": ["ALL"]}, "InitProcessEnabled": True}
    assert made["MountPoints"] == [{"ContainerPath": "/scratch", "ReadOnly": False, "SourceVolume": "scratch"}]
    assert definition(deployment, task.name)["Volumes"] == [{"Name": "scratch"}]
    tables = {f"TASKLANE_TABLE_{t.upper()}": f"tasklane-{deployment.name}-{t}" for t in task.access.tables}
    paths = {"TMPDIR": "/scratch", "HOME": "/scratch"}
    assert {e["Name"]: e["Value"] for e in made["Environment"]} == {**paths, **tables}
    assert "Memory" not in made  # a limit of its own would keep RunTask from giving the task a larger size
    assert made["LogConfiguration"]["Options"] == {
        "awslogs-group": f"/tasklane/{deployment.name}/{task.name}",
        "awslogs-stream-prefix": task.name,
        "awslogs-region": deployment.region,
        "mode": "non-blocking",
        "max-buffer-size": "26214400b",
    }


def test_log_groups_are_kept_as_long_as_the_environment_says(deployment: Deployment) -> None:
    groups = deployment.resources("compute", "AWS::Logs::LogGroup").values()
    own = {f"/tasklane/{deployment.name}/{task}" for task in TASKS}
    insights = f"/aws/ecs/containerinsights/tasklane-{deployment.name}/performance"
    assert {g["LogGroupName"] for g in groups} == {*own, insights, f"/tasklane/{deployment.name}/lanes"}
    for group in groups:
        assert group["RetentionInDays"] == load_environment(deployment.name, ROOT).log_retention_days
        assert group["KmsKeyId"].startswith("<AWS::KMS::Key/")


def test_cluster(deployment: Deployment) -> None:
    cluster = deployment.one("compute", "AWS::ECS::Cluster")
    insights = load_environment(deployment.name, ROOT).container_insights
    assert cluster["ClusterName"] == f"tasklane-{deployment.name}"
    assert cluster["ClusterSettings"] == [{"Name": "containerInsights", "Value": insights}]
    providers = deployment.one("compute", "AWS::ECS::ClusterCapacityProviderAssociations")
    assert providers["CapacityProviders"] == ["FARGATE", "FARGATE_SPOT"]


def test_what_is_published(deployment: Deployment) -> None:
    name = f"/tasklane/{deployment.name}/deployment"
    cluster = json.loads(deployment.one("compute", "AWS::SSM::Parameter", Name=f"{name}/compute")["Value"])
    arn = f"arn:aws:ecs:{deployment.region}:{deployment.account}:cluster/tasklane-{deployment.name}"
    metrics = f"/tasklane/{deployment.name}/lanes"
    assert cluster == {"cluster": f"tasklane-{deployment.name}", "cluster_arn": arn, "metrics_log_group": metrics}
    for task in TASKS:
        values = json.loads(deployment.one("compute", "AWS::SSM::Parameter", Name=f"{name}/tasks/{task}")["Value"])
        made = definition(deployment, task)
        assert values.pop("task_definition_arn").startswith("<AWS::ECS::TaskDefinition/")
        assert values == {
            "family": made["Family"],
            "container": task,
            "image": container(deployment, task)["Image"],
            "log_group": f"/tasklane/{deployment.name}/{task}",
            "log_stream_prefix": task,
            "task_role_arn": made["TaskRoleArn"],
            "execution_role_arn": made["ExecutionRoleArn"],
        }


def test_a_task_at_the_limits(sample: Deployment) -> None:
    made = definition(sample, "large_one")
    assert (made["Cpu"], made["Memory"], made["EphemeralStorage"]) == ("8192", "20480", {"SizeInGiB": 100})
    assert made["RuntimePlatform"]["CpuArchitecture"] == "X86_64"
    [secret] = container(sample, "large_one")["Secrets"]
    arn = f"arn:aws:secretsmanager:{sample.region}:{sample.account}:secret:tasklane-stg/large_one/API_KEY"
    assert secret == {"Name": "API_KEY", "ValueFrom": arn}
    assert "LargeOneImage" in sample.stacks["compute"]["Parameters"]
    assert "EphemeralStorage" not in definition(sample, "idle")

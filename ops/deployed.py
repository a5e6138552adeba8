"""What is deployed, as the stacks published it in SSM parameters, and the manifest that the DAGs get from it."""

import json
from collections.abc import Iterable
from typing import Any

from ops.errors import UserError
from ops.workspace import Workspace
from platform_spec.content import content_tag
from platform_spec.lanes import GUESTS, ON_WORKERS
from platform_spec.manifest import KubernetesCluster, Manifest, Notifications, TaskEntry, TaskSize
from platform_spec.tasks import Size, Task
from platform_spec.virtualenvs import bundle_key


def deployed_values(workspace: Workspace) -> dict[str, Any]:
    """All published values: {"network": {...}, "storage": {...}, ..., "tasks/<task>": {...}}.

    UserError when a part that DAGs need is not deployed yet.
    """
    prefix = workspace.names.parameter("network").removesuffix("network")
    pages = (
        workspace.client("ssm")
        .get_paginator("get_parameters_by_path")
        .paginate(Path=prefix.rstrip("/"), Recursive=True, WithDecryption=False)
    )
    values = {p["Name"].removeprefix(prefix): json.loads(p["Value"]) for page in pages for p in page["Parameters"]}
    missing = _missing(values, ["network", "storage", "compute", *(f"tasks/{task}" for task in workspace.tasks)])
    if missing:
        raise UserError(
            f"environment {workspace.environment_name}: not deployed yet: {', '.join(missing)} (no SSM parameter under "
            f"{prefix}); run `cdk deploy --all -c env={workspace.environment_name}`"
        )
    return values


def build_manifest(workspace: Workspace, values: dict[str, Any], release: str) -> Manifest:
    """The manifest of a release: deployed values, with sizes and rules from task.toml."""
    environment = workspace.environment
    return Manifest(
        environment=environment.name,
        release=release,
        account=environment.account,
        region=environment.region,
        cluster=values["compute"]["cluster"],
        cluster_arn=values["compute"]["cluster_arn"],
        subnets=tuple(values["network"]["subnets"]),
        security_groups=tuple(values["network"]["security_groups"]),
        dag_bucket=values["storage"]["dag_bucket"],
        data_bucket=values["storage"]["data_bucket"],
        spot_share=environment.spot_share,
        metrics_log_group=values["compute"].get("metrics_log_group", ""),
        kubernetes=_kubernetes(workspace),
        notifications=_notifications(workspace, values),
        pools=environment.pool_slots,
        schedules=environment.schedules,
        tasks={name: _entry(workspace, task, values[f"tasks/{name}"]) for name, task in workspace.tasks.items()},
    )


def _kubernetes(workspace: Workspace) -> KubernetesCluster | None:
    settings = workspace.environment.kubernetes
    return KubernetesCluster(cluster=settings.cluster, namespace=settings.namespace) if settings else None


def _notifications(workspace: Workspace, values: dict[str, Any]) -> Notifications:
    """Nobody is told while the monitoring stack, which has the topic, is not deployed."""
    channel = workspace.environment.notifications.failures
    topic = values.get("monitoring", {}).get("topic_arn", "")
    target = {"sns": topic, "slack": workspace.names.slack_secret}.get(channel, "")
    return Notifications(channel=channel, target=target) if target else Notifications()


def _entry(workspace: Workspace, task: Task, deployed: dict[str, Any]) -> TaskEntry:
    if task.lane in ON_WORKERS:
        return TaskEntry(
            lane=task.lane,
            bundle_uri=bundle_uri(workspace, task),
            task_role_arn=deployed["task_role_arn"],
            owner=task.owner,
            architecture=task.architecture,
            timeout_minutes=task.timeout_minutes,
            stop_timeout_seconds=task.stop_timeout_seconds,
            spot=False,
            result_version=task.result_version,
        )
    return TaskEntry(
        lane=task.lane,
        family=deployed.get("family", ""),
        task_definition_arn=deployed.get("task_definition_arn", ""),
        job_definition_arn=deployed.get("job_definition_arn", ""),
        job_queue_arn=deployed.get("job_queue_arn", ""),
        spot_job_queue_arn=deployed.get("spot_job_queue_arn", ""),
        task_role_arn=deployed["task_role_arn"] if task.lane in GUESTS else "",
        service_account=workspace.names.service_account(task.name) if task.lane == "kubernetes" else "",
        variables=deployed.get("variables", {}),
        container=deployed["container"],
        image=deployed["image"],
        log_group=deployed.get("log_group", ""),
        log_stream_prefix=deployed.get("log_stream_prefix", ""),
        owner=task.owner,
        architecture=task.architecture,
        timeout_minutes=task.timeout_minutes,
        stop_timeout_seconds=task.stop_timeout_seconds,
        spot=task.spot,
        result_version=task.result_version,
        sizes={name: _size(size, deployed.get("capacity_providers", {})) for name, size in task.sizes.items()},
    )


def _size(size: Size, providers: dict[str, str]) -> TaskSize:
    """`providers`: the capacity provider of each instance type (lane ec2)."""
    return TaskSize.model_validate({**size.model_dump(), "capacity_provider": providers.get(size.instance_type, "")})


def bundle_uri(workspace: Workspace, task: Task) -> str:
    """Where the bundle of this source lies, or will."""
    tag = content_tag(task.folder, task.architecture)
    return f"s3://{workspace.names.dag_bucket}/{bundle_key(task.name, tag)}"


def _missing(values: dict[str, Any], wanted: Iterable[str]) -> list[str]:
    return [name for name in wanted if name not in values]

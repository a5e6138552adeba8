"""Lanes that not every environment offers: refused where a DAG names the task, with what to do about it."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from platform_spec.manifest import Manifest

# lane: what it needs of an environment, and the provider that its operator is made on.
_NEEDS = {
    "docker": (
        "a container engine beside Airflow's workers, and MWAA's have none",
        "where Airflow runs on machines of your own, name the role that they act with in {file}: "
        '[docker] worker_role = "arn:aws:iam::{account}:role/…"',
        "docker",
    ),
    "kubernetes": (
        "an EKS cluster, and this environment names none",
        'name one in {file}: [kubernetes] cluster = "…", namespace = "…", oidc_issuer = "https://oidc.eks.…"',
        "cncf-kubernetes",
    ),
}


def refuse_unoffered(task_id: str, name: str, manifest: Manifest) -> None:
    """Raise ValueError where this environment does not offer the task's lane, or Airflow lacks its provider."""
    lane = manifest.task(name)
    if lane.lane not in _NEEDS:
        return
    need, fix, provider = _NEEDS[lane.lane]
    if not lane.task_role_arn:
        file = f"environments/{manifest.environment}.toml"
        raise ValueError(
            f'task {task_id!r}: lane {lane.lane} needs {need}; set lane = "fargate" in task_images/{name}/task.toml, '
            f"or {fix.format(file=file, account=manifest.account)}, and deploy"
        )
    if not _installed(f"airflow.providers.{provider.replace('-', '.')}"):
        raise ValueError(
            f"task {task_id!r}: lane {lane.lane} needs the package apache-airflow-providers-{provider}, which this "
            f"Airflow does not have; install it with the constraints of its version (docs/lanes.md)"
        )


def _installed(package: str) -> bool:
    try:
        return find_spec(package) is not None
    except ModuleNotFoundError:  # not even the package around it
        return False

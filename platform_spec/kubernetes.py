"""What the lane `kubernetes` needs inside the cluster, where neither CDK nor CloudFormation reach: objects for kubectl.

One service account per task, tied to the task's role (IRSA), and for Airflow the rights to run pods in this namespace.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from platform_spec.environments import Environment
from platform_spec.kubernetes_settings import KubernetesSettings
from platform_spec.naming import Names
from platform_spec.tasks import Task

# Who Airflow is in the cluster, by the access entry of the airflow stack.
GROUP = "tasklane-airflow"
_OBJECTS = "tasklane-airflow"
_RULES = (
    {"apiGroups": [""], "resources": ["pods"], "verbs": ["create", "list", "patch", "delete"]},
    {"apiGroups": [""], "resources": ["pods/log"], "verbs": ["get"]},
)


def subject(settings: KubernetesSettings, names: Names, task: str) -> str:
    """Who alone may take on the task's role: the `sub` of the tokens that the cluster gives this service account."""
    return f"system:serviceaccount:{settings.namespace}:{names.service_account(task)}"


def cluster_objects(environment: Environment, names: Names, tasks: Iterable[Task]) -> list[dict[str, Any]]:
    """All objects of the environment, in the order in which they can be made. The environment has [kubernetes]."""
    settings = environment.kubernetes
    assert settings is not None  # noqa: S101 (the caller has looked)
    namespace = settings.namespace
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": _OBJECTS}
    group = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": GROUP}
    return [
        {
            "apiVersion": "v1",
            "kind": "Namespace",
            # The cluster itself refuses every pod there that is not confined as ours are.
            "metadata": {"name": namespace, "labels": {"pod-security.kubernetes.io/enforce": "restricted"}},
        },
        *(_service_account(environment, names, task.name, namespace) for task in tasks),
        _named("Role", namespace) | {"rules": list(_RULES)},
        _named("RoleBinding", namespace) | {"roleRef": role, "subjects": [group]},
    ]


def _service_account(environment: Environment, names: Names, task: str, namespace: str) -> dict[str, Any]:
    role = f"arn:aws:iam::{environment.account}:role/{names.task_role(task)}"
    return {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": {
            "name": names.service_account(task),
            "namespace": namespace,
            "annotations": {"eks.amazonaws.com/role-arn": role},
        },
        "automountServiceAccountToken": False,
    }


def _named(kind: str, namespace: str) -> dict[str, Any]:
    metadata = {"name": _OBJECTS, "namespace": namespace}
    return {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": kind, "metadata": metadata}

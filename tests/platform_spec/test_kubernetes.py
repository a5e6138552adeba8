"""What a cluster must have: valid objects, one service account per task, and no right too many for Airflow."""

from pathlib import Path

import kubernetes_validate
import pytest

from platform_spec.environments import load_environment
from platform_spec.errors import SpecError
from platform_spec.kubernetes import cluster_objects, subject
from platform_spec.naming import Names
from platform_spec.tasks import load_tasks
from tests.stacks.conftest import copy_of_root

ISSUER = "https://oidc.eks.ap-northeast-1.amazonaws.com/id/EXAMPLED539D4633E53DE1B71EXAMPLE"
TABLE = f'[kubernetes]\ncluster = "data"\nnamespace = "tasklane-dev"\noidc_issuer = "{ISSUER}"\n'
TASK = """
purpose = "runs in a cluster"
owner = "platform"
lane = "kubernetes"
timeout_minutes = 10
[sizes.small]
cpu_units = 256
memory_mib = 512
"""


def root_with(folder: Path, table: str, env: str = "dev") -> Path:
    root = copy_of_root(folder, {"in_cluster": TASK, "another": TASK})
    with (root / f"environments/{env}.toml").open("a") as file:
        file.write(table)
    return root


def test_the_objects_are_valid_and_name_the_roles(tmp_path: Path) -> None:
    root = root_with(tmp_path, TABLE)
    environment = load_environment("dev", root)
    names = Names(environment)
    objects = cluster_objects(environment, names, load_tasks(root).values())
    for one in objects:
        kubernetes_validate.validate(one, "1.33.0", strict=True)
    accounts = {one["metadata"]["name"]: one for one in objects if one["kind"] == "ServiceAccount"}
    assert set(accounts) == {"in-cluster", "another"}
    role = accounts["in-cluster"]["metadata"]["annotations"]["eks.amazonaws.com/role-arn"]
    assert role == "arn:aws:iam::111122223333:role/tasklane-dev-in_cluster-task"
    assert environment.kubernetes is not None
    assert subject(environment.kubernetes, names, "in_cluster") == "system:serviceaccount:tasklane-dev:in-cluster"
    [rights] = [one["rules"] for one in objects if one["kind"] == "Role"]
    assert {(resource, verb) for rule in rights for resource in rule["resources"] for verb in rule["verbs"]} == {
        *(("pods", verb) for verb in ("create", "list", "patch", "delete")),
        ("pods/log", "get"),
    }


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("https://oidc", "http://oidc", "kubernetes.oidc_issuer"),
        ('"tasklane-dev"', '"Tasklane_Dev"', "kubernetes.namespace"),
        ('cluster = "data"\n', "", "kubernetes.cluster"),
    ],
)
def test_bad_tables_are_refused(old: str, new: str, problem: str, tmp_path: Path) -> None:
    assert old in TABLE
    with pytest.raises(SpecError, match=problem):
        load_environment("dev", root_with(tmp_path, TABLE.replace(old, new)))


def test_without_a_way_out_airflow_cannot_find_the_cluster(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match=r"kubernetes\.cluster.*network\.mode endpoints cannot reach"):
        load_environment("stg", root_with(tmp_path, TABLE, "stg"))

"""`dags check`: a lane that the environment does not offer is refused where the DAG names the task, with the fix."""

import json
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from ops.commands import kubernetes
from ops.dag_check.check import check_dags
from ops.dag_check.providers import missing_providers
from ops.main import app
from ops.workspace import Workspace
from tests.ops.repository import ACCOUNT, ROOT, make_repository

# lane: its table in the environment file, and the words of the refusal.
TABLES = {
    "docker": (
        f'[docker]\nworker_role = "arn:aws:iam::{ACCOUNT}:role/airflow-worker"\n',
        ("MWAA's have none", "environments/one.toml", "[docker] worker_role"),
    ),
    "kubernetes": (
        '[kubernetes]\ncluster = "data"\nnamespace = "tasks"\n'
        'oidc_issuer = "https://oidc.eks.us-east-1.amazonaws.com/id/EXAMPLE"\n',
        ("this environment names none", "environments/one.toml", "[kubernetes] cluster"),
    ),
}
PROVIDERS = {"docker": "docker", "kubernetes": "cncf-kubernetes"}


@pytest.mark.parametrize("lane", TABLES)
def test_a_lane_needs_its_table(lane: str, tmp_path: Path) -> None:
    table, words = TABLES[lane]
    root = make_repository(tmp_path, "one")
    declaration = root / "task_images/hello/task.toml"
    declaration.write_text(declaration.read_text().replace("owner", f'lane = "{lane}"\nowner', 1))
    shutil.copytree(ROOT / "mwaa", root / "mwaa")
    (root / "mwaa/requirements.txt").write_text(f"apache-airflow-providers-{PROVIDERS[lane]}\n")
    [finding] = check_dags(Workspace("one", root), budget_seconds=1000).findings
    assert (finding.where, finding.check) == ("hello.py", "import")
    for word in (*words, f"task 'hello': lane {lane} needs", 'set lane = "fargate" in task_images/hello/task.toml'):
        assert word in finding.what, word
    path = root / "environments/one.toml"
    path.write_text(path.read_text().replace("[network]", '[network]\nmode = "nat"\nnat_gateways = 1') + table)
    assert check_dags(Workspace("one", root), budget_seconds=1000).findings == []


def test_mwaa_needs_the_provider_of_a_lane(tmp_path: Path) -> None:
    root = make_repository(tmp_path, "one")
    declaration = root / "task_images/hello/task.toml"
    assert list(missing_providers(Workspace("one", root))) == []
    declaration.write_text(declaration.read_text().replace("owner", 'lane = "kubernetes"\nowner', 1))
    (root / "mwaa").mkdir()
    (root / "mwaa/requirements.txt").write_text("# none\napache-airflow-providers-cncf\n")
    [finding] = missing_providers(Workspace("one", root))
    assert finding.what == "does not ask for apache-airflow-providers-cncf-kubernetes"
    (root / "mwaa/requirements.txt").write_text("apache-airflow-providers-cncf-kubernetes>=10 # pods\n")
    assert list(missing_providers(Workspace("one", root))) == []


def test_the_objects_of_a_cluster_are_printed_for_kubectl(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table, _ = TABLES["kubernetes"]
    root = make_repository(tmp_path, "one")
    declaration, path = root / "task_images/hello/task.toml", root / "environments/one.toml"
    declaration.write_text(declaration.read_text().replace("owner", 'lane = "kubernetes"\nowner', 1))
    monkeypatch.setattr(kubernetes, "Workspace", lambda env: Workspace(env, root))
    refused = CliRunner().invoke(app, ["kubernetes", "objects", "--env", "one"])
    assert "environments/one.toml has no table [kubernetes]" in str(refused.exception)
    path.write_text(path.read_text().replace("[network]", '[network]\nmode = "nat"\nnat_gateways = 1') + table)
    printed = CliRunner().invoke(app, ["kubernetes", "objects", "--env", "one"])
    kinds = [(one["kind"], one["metadata"]["name"]) for one in json.loads(printed.stdout)["items"]]
    names = ["tasks", "hello", "tasklane-airflow", "tasklane-airflow"]
    assert kinds == list(zip(["Namespace", "ServiceAccount", "Role", "RoleBinding"], names, strict=True))

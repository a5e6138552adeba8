"""`tasklane deploy` as the pipeline runs it, against a running Airflow: release, pools and secrets, smoke run."""

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from local.state import State
from ops.airflow_api import AirflowApi
from ops.airflow_state.rest import AirflowRest
from ops.smoke import DAG
from ops.workspace import Workspace
from tests.e2e.conftest import ROOT, ends_of_logs
from tests.ops.conftest import ROLE_VARIABLES, forget_role, hand_over

OWN = {"environments", "cdk.out", ".local", ".git", "out"}
DECLARED = """
[delivery]
repository = "example-org/data-platform"

[variables]
lims_token = "secret"
lims_project = "parameter"

[connections.lims]
type = "http"
host = "lims.example.com"
password = "secret"
"""


@pytest.fixture
def pipeline(environment: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """The running environment with a pipeline and Airflow's state declared, in the shell of its deploy role."""
    state = State.load(environment)
    assert state is not None
    for path in ROOT.iterdir():
        if path.name not in OWN:
            (tmp_path / path.name).symlink_to(path)
    shutil.copytree(ROOT / "environments", tmp_path / "environments")
    file = tmp_path / "environments/local.toml"
    pools = file.read_text().replace("data = 4\n", "data = 2\nqc = 2\n")
    file.write_text(pools + DECLARED)
    monkeypatch.setenv("AWS_ENDPOINT_URL", state.endpoint_url)
    forget_role(monkeypatch)
    person = Workspace("local", tmp_path)
    names, secrets = person.names, person.client("secretsmanager")
    secrets.create_secret(Name=names.airflow_secret("variables", "lims_token"), SecretString="t0ken")
    secrets.create_secret(Name=names.airflow_secret("connections", "lims"), SecretString="passw0rd")
    person.client("ssm").put_parameter(Name=names.airflow_parameter("lims_project"), Value="gut", Type="String")
    hand_over(person, monkeypatch)
    assert all(os.environ.get(name) for name in ROLE_VARIABLES)
    return Workspace("local", tmp_path)


def deploy(root: Path, *options: str) -> tuple[dict[str, Any], str]:
    """(the JSON, what people read)."""
    argv = [str(ROOT / ".venv/bin/tasklane"), "deploy", "--env", "local", "--without-images", "--json", *options]
    done = subprocess.run(argv, env={**os.environ, "TASKLANE_ROOT": str(root)}, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return dict(json.loads(done.stdout)), done.stderr


def test_a_deployment_brings_airflow_to_what_is_declared_and_runs_the_smoke_dag(
    pipeline: Workspace, environment: Path
) -> None:
    plan = {step["step"]: step["would"] for step in deploy(pipeline.root, "--dry-run")[0]["steps"]}
    created = {"pool qc", "variable lims_token", "variable lims_project", "connection lims"}
    assert {f"create {what}" for what in created} <= set(plan["Airflow state"])
    assert plan["smoke run"] == [f"run {DAG}"]
    rest = AirflowRest(pipeline)
    assert "qc" not in {pool["name"] for pool in rest.all("/pools", "pools")}
    outcome, said = deploy(pipeline.root)
    assert outcome["created"], ends_of_logs(environment)
    assert f"smoke: smoke-{outcome['release']}" in said
    assert {pool["name"]: pool["slots"] for pool in rest.all("/pools", "pools")}["qc"] == 2
    assert rest.call("GET", "/variables/lims_project")["value"] == "gut"
    assert rest.call("GET", "/connections/lims")["host"] == "lims.example.com"
    state = State.load(environment)
    assert state is not None
    [run] = AirflowApi(state.airflow_url).runs(DAG, prefix=f"smoke-{outcome['release']}")
    assert run["state"] == "success"
    assert deploy(pipeline.root, "--dry-run")[0]["empty"]

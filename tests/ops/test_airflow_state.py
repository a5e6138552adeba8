"""Airflow's state as code, on a real Airflow behind the emulator's InvokeRestApi."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from ops.airflow_state.apply import apply_state
from ops.airflow_state.plan import plan_state
from ops.airflow_state.rest import AirflowRest
from ops.errors import UserError
from ops.workspace import ROOT, Workspace
from platform_spec.environments import load_environment
from platform_spec.errors import SpecError
from tests.ops.airflow_server import airflow_server

VERSION = "3.0.6"
TOKEN = "token-of-the-tests"
BASE = """\
account = "000000000000"
region = "us-east-1"
zones = ["us-east-1a", "us-east-1b"]
[network]
cidr = "10.90.0.0/16"
"""
STATE = """\
[pools]
genomics = 4
[variables]
lims_token = "secret"
lims_project = "parameter"
[connections.lims]
type = "http"
host = "lims.example.com"
port = 443
login = "tasklane"
password = "secret"
extra = { b = "2", a = "1" }
"""


@pytest.fixture(scope="module")
def airflow(emulator: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    if not (ROOT / f".venvs/airflow-{VERSION}/bin/python").exists():
        pytest.skip(f"Airflow {VERSION} is not installed (make setup)")
    with airflow_server(tmp_path_factory.mktemp("airflow"), VERSION) as url:
        yield url


@pytest.fixture
def workspace(airflow: str, emulator: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """Environment `state`, whose MWAA environment is the running server, with its secrets."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", emulator)
    write(tmp_path, STATE)
    made = Workspace("state", tmp_path)
    names, secrets = made.names, made.client("secretsmanager")
    mwaa = made.client("mwaa")
    if names.mwaa_environment not in mwaa.list_environments()["Environments"]:
        network = {"SubnetIds": ["subnet-1", "subnet-2"], "SecurityGroupIds": ["sg-1"]}
        arns = {"ExecutionRoleArn": "arn:aws:iam::000000000000:role/r", "SourceBucketArn": "arn:aws:s3:::state-dags"}
        made.client("s3").create_bucket(Bucket="state-dags")
        mwaa.create_environment(Name=names.mwaa_environment, DagS3Path="dags", NetworkConfiguration=network, **arns)
        secrets.create_secret(Name=names.airflow_secret("variables", "lims_token"), SecretString="t0ken")
        secrets.create_secret(Name=names.airflow_secret("connections", "lims"), SecretString="passw0rd")
        made.client("ssm").put_parameter(Name=names.airflow_parameter("lims_project"), Value="gut", Type="String")
    told = {"environment": names.mwaa_environment, "url": airflow}
    httpx.post(f"{emulator}/_tasklane/airflow", json=told, headers={"authorization": TOKEN}).raise_for_status()
    return made


def write(root: Path, state: str) -> None:
    (root / "environments").mkdir(exist_ok=True)
    (root / "environments/state.toml").write_text(BASE + state)


def plan(workspace: Workspace) -> list[tuple[str, str, str]]:
    """What there is to do, without what is left alone."""
    actions = plan_state(workspace, AirflowRest(workspace))
    return [(action.do, action.kind, action.name) for action in actions if action.do != "leave"]


def apply(workspace: Workspace) -> int:
    rest = AirflowRest(workspace)
    return apply_state(workspace, rest, plan_state(workspace, rest), lambda line: None)


def test_from_nothing_to_declared_to_gone(workspace: Workspace, airflow: str) -> None:
    created = [("pool", "genomics"), ("variable", "lims_token"), ("variable", "lims_project"), ("connection", "lims")]
    assert plan(workspace) == [("create", *thing) for thing in created]
    assert apply(workspace) == 4
    assert plan(workspace) == []
    token = httpx.get(f"{airflow}/auth/token").json()["access_token"]
    headers = {"Authorization": f"Bearer {token}"}
    values = httpx.get(f"{airflow}/api/v2/variables/lims_project", headers=headers).json()
    assert values["value"] == "gut"
    # A hand-made pool stays; a changed one is drift; a rotated secret is a change, though Airflow shows no secret.
    rest = AirflowRest(workspace)
    rest.call("POST", "/pools", body={"name": "by_hand", "slots": 1})
    rest.call("PATCH", "/pools/genomics", query={"update_mask": ["slots"]}, body={"name": "genomics", "slots": 9})
    secret = workspace.names.airflow_secret("connections", "lims")
    workspace.client("secretsmanager").put_secret_value(SecretId=secret, SecretString="rotated")
    assert plan(workspace) == [("change", "pool", "genomics"), ("change", "connection", "lims")]
    assert [a.name for a in plan_state(workspace, rest) if a.do == "leave" and a.kind == "pool"] == ["by_hand"]
    assert apply(workspace) == 2
    assert plan(workspace) == []
    write(workspace.root, "")
    emptied = Workspace("state", workspace.root)
    removed = [("pool", "genomics"), ("variable", "lims_project"), ("variable", "lims_token"), ("connection", "lims")]
    assert sorted(plan(emptied)) == sorted(("remove", *thing) for thing in removed)
    assert apply(emptied) == 4
    assert plan(emptied) == []


def test_a_call_that_is_repeated_because_its_answer_was_late_is_no_error(workspace: Workspace) -> None:
    rest = AirflowRest(workspace)
    created = plan_state(workspace, rest)
    assert [apply_state(workspace, rest, created, lambda line: None) for _ in range(2)] == [4, 4]
    assert plan(workspace) == []
    write(workspace.root, "")
    emptied = Workspace("state", workspace.root)
    removed = plan_state(emptied, rest)
    assert [apply_state(emptied, rest, removed, lambda line: None) for _ in range(2)] == [4, 4]
    assert plan(emptied) == []


def test_a_missing_value_is_named_before_anything_is_changed(workspace: Workspace) -> None:
    write(workspace.root, '[variables]\nother = "secret"\n')
    with pytest.raises(UserError, match="create the secret tasklane-state/airflow/variables/other"):
        plan(Workspace("state", workspace.root))


def test_an_airflow_that_is_not_there_and_one_that_refuses(workspace: Workspace, emulator: str) -> None:
    with pytest.raises(UserError, match=r"Airflow answers DELETE /pools/default_pool with 400"):
        AirflowRest(workspace).call("DELETE", "/pools/default_pool")
    told = {"environment": workspace.names.mwaa_environment, "url": ""}
    httpx.post(f"{emulator}/_tasklane/airflow", json=told, headers={"authorization": TOKEN}).raise_for_status()
    with pytest.raises(UserError, match="no Airflow web server runs"):
        plan(workspace)


def test_values_cannot_stand_in_the_repository(tmp_path: Path) -> None:
    write(tmp_path, '[variables]\nlims_token = "s3cret"\n')
    with pytest.raises(SpecError, match=r"variables.lims_token = .* not an allowed value; allowed:"):
        load_environment("state", tmp_path)

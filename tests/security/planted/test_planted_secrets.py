"""Secrets planted in a real run of Airflow and a container: they reach the container, and nothing that is kept.

Looked through after a run that succeeds and one that fails: every log of every service, the task logs, all tables of
Airflow's database, all objects in S3, all log groups, and what ECS tells of tasks and task definitions.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.airflow_client import Observer, eventually
from tests.faults.world import ACCOUNT, BUCKET, CLUSTER, LANE, REGION, World

SECRET = "planted-secret-5d1f0c7e"
DAGS = {
    "secretive.py": """
import datetime as dt
from airflow.sdk import DAG
from lanes import run_task
with DAG("once", schedule=None, start_date=dt.datetime(2026, 1, 1, tzinfo=dt.UTC), catchup=False,
         default_args={"retries": 0}, params={"mode": "ok", "digest": ""}):
    run_task("probe", task_id="work", command=["{{ params.mode }}", "{{ params.digest }}"])
""",
}
READ_DATABASE = """
import os, sqlalchemy
engine = sqlalchemy.create_engine(os.environ["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"])
with engine.connect() as connection:
    for table in sqlalchemy.inspect(engine).get_table_names():
        for (row,) in connection.execute(sqlalchemy.text(f'SELECT t::text FROM "{table}" t')):
            print(table, row)
"""


class SecretWorld(World):
    """The world of the fault suite, with a lane whose container gets a secret from Secrets Manager."""

    def deploy(self) -> None:
        super().deploy()
        entry = {"runtime": "process", "python": ".venv/bin/python"}
        dockerfile = Path(__file__).parent / "probe/Dockerfile"
        (self.state.folder / "images.json").write_text(json.dumps({LANE: {**entry, "dockerfile": str(dockerfile)}}))
        secret = self.client("secretsmanager").create_secret(Name="probe/API_KEY", SecretString=SECRET)["ARN"]
        reading = {"Effect": "Allow", "Action": "secretsmanager:GetSecretValue", "Resource": secret}
        policy = json.dumps({"Version": "2012-10-17", "Statement": [reading]})
        self.client("iam").put_role_policy(RoleName="probe", PolicyName="secret", PolicyDocument=policy)
        ecs = self.client("ecs")
        first = ecs.describe_task_definition(taskDefinition=f"{CLUSTER}-{LANE}:1")["taskDefinition"]
        kept = ("family", "requiresCompatibilities", "networkMode", "cpu", "memory", "taskRoleArn", "executionRoleArn")
        [container] = first["containerDefinitions"]
        container["secrets"] = [{"name": "API_KEY", "valueFrom": secret}]
        ecs.register_task_definition(**{name: first[name] for name in kept}, containerDefinitions=[container])

    def _write_dags(self) -> None:
        super()._write_dags()
        manifest = self.state.folder / "dags/manifest.json"
        manifest.write_text(manifest.read_text().replace(f'"{CLUSTER}-{LANE}:1"', f'"{CLUSTER}-{LANE}:2"'))


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecretWorld]:
    version = os.environ.get("FAULTS_AIRFLOW", "3.0.6")
    made = SecretWorld(tmp_path_factory.mktemp("planted"), version, DAGS)
    try:
        made.start_emulator()
        made.deploy()
        made.start_airflow()
        digest = hashlib.sha256(SECRET.encode()).hexdigest()
        observer = Observer(made)
        for mode, state in (("ok", "success"), ("error", "failed")):
            run = observer.trigger("once", mode=mode, digest=digest)
            eventually(f"run {mode}", lambda run=run: observer.run_state("once", run) in ("success", "failed"), 120)
            assert observer.run_state("once", run) == state, observer.log("once", run)
            assert "the secret is there: True" in observer.log("once", run) + str(_log_events(made))
        yield made
    finally:
        made.close()


@pytest.fixture(scope="module")
def planted(world: SecretWorld) -> dict[str, str]:
    """What must be nowhere: the task's secret, the emulator's token, what Airflow signs and encrypts with."""
    env = world.airflow_env
    found = {"secret of the task": SECRET, "token of the emulator": world.state.token}
    keys = ("AIRFLOW__CORE__FERNET_KEY", "AIRFLOW__API_AUTH__JWT_SECRET", "AIRFLOW__API__SECRET_KEY")
    return {**found, **{key: env[key] for key in keys if len(env.get(key, "")) > 8}}


def test_no_log_of_any_process(world: SecretWorld, planted: dict[str, str]) -> None:
    files = [path for path in world.state.folder.rglob("*") if path.is_file() and _is_log(world, path)]
    assert len(files) > 5
    assert [(path.name, name) for path in files for name in _in(path.read_bytes(), planted)] == []


def test_no_table_of_the_database(world: SecretWorld, planted: dict[str, str]) -> None:
    argv = [str(world.python), "-c", READ_DATABASE]
    rows = subprocess.run(argv, env=world.airflow_env, capture_output=True, check=True).stdout
    assert b"task_instance" in rows
    assert len(rows) > 5_000
    assert [row[:200] for row in rows.splitlines() if _in(row, planted)] == []


def test_no_object_and_no_log_event(world: SecretWorld, planted: dict[str, str]) -> None:
    s3 = world.client("s3")
    objects = s3.list_objects_v2(Bucket=BUCKET).get("Contents", [])
    bodies = {o["Key"]: s3.get_object(Bucket=BUCKET, Key=o["Key"])["Body"].read() for o in objects}
    assert [(key, name) for key, body in bodies.items() for name in _in(body, planted)] == []
    events = _log_events(world)
    assert len(events) >= 2
    assert [event for event in events if _in(event.encode(), planted)] == []


def test_nothing_that_ecs_tells(world: SecretWorld, planted: dict[str, str]) -> None:
    ecs = world.client("ecs")
    tasks = ecs.list_tasks(cluster=CLUSTER, desiredStatus="STOPPED")["taskArns"]
    told = [ecs.describe_tasks(cluster=CLUSTER, tasks=tasks)["tasks"]]
    told += [ecs.describe_task_definition(taskDefinition=f"{CLUSTER}-{LANE}:2")["taskDefinition"]]
    assert f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:probe/API_KEY" in json.dumps(told, default=str)
    assert _in(json.dumps(told, default=str).encode(), planted) == []


def test_files_with_secrets_are_for_their_owner_alone(world: SecretWorld, planted: dict[str, str]) -> None:
    files = [path for path in world.state.folder.rglob("*") if path.is_file() and "postgres" not in path.parts]
    open_to_others = [p for p in files if p.stat().st_mode & 0o077 and _in(p.read_bytes(), planted)]
    assert [str(p.relative_to(world.state.folder)) for p in open_to_others] == []


def _is_log(world: SecretWorld, path: Path) -> bool:
    """Everything but what AWS itself would keep, the database's own files, and the state file."""
    top = path.relative_to(world.state.folder).parts[0]
    return top not in ("aws", "postgres", "pgdata", "state.json") and path.suffix != ".pyc"


def _log_events(world: SecretWorld) -> list[str]:
    logs = world.client("logs")
    groups = [group["logGroupName"] for group in logs.describe_log_groups()["logGroups"]]
    found = [logs.filter_log_events(logGroupName=group)["events"] for group in groups]
    return [event["message"] for events in found for event in events]


def _in(content: bytes, planted: dict[str, str]) -> list[str]:
    return [name for name, value in planted.items() if value.encode() in content]

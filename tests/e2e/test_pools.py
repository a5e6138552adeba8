"""Pools per team in a real scheduler: one team's flood stays in its own pool."""

import time
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest

from local.state import State
from ops.airflow_api import AirflowApi
from platform_spec.environments import load_environment
from tests.e2e.conftest import ROOT, SECONDS, ends_of_logs

pytestmark = pytest.mark.timeout(SECONDS)
FLOOD, PROBE, TASKS = "daily_flood", "recommendation_probe", 60
DAG = '''"""### {team}

### When it fails
A test of pools.
"""
import datetime as dt
import time

from airflow.sdk import task

from lanes import dag

with dag(team="{team}", owner="{team}", pool="{team}", schedule=None, start_date=dt.date(2026, 1, 1), catchup=False,
         doc_md=__doc__, max_active_tasks=100):

    @task
    def work(number: int) -> None:
        time.sleep({seconds})

    for number in range({tasks}):
        work.override(task_id=f"work_{{number}}")(number)
'''


@pytest.fixture
def api(environment: Path) -> Iterator[AirflowApi]:
    """Airflow, with the two DAGs in its folder for the time of the test."""
    state = State.load(environment)
    assert state is not None
    keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test", "region_name": "us-east-1"}
    s3 = boto3.client("s3", endpoint_url=state.endpoint_url, **keys)
    bucket = next(found["Name"] for found in s3.list_buckets()["Buckets"] if "-dags-" in found["Name"])
    texts = {
        FLOOD: DAG.format(team="data", seconds=0.5, tasks=TASKS),
        PROBE: DAG.format(team="ml", seconds=0, tasks=1),
    }
    for name, text in texts.items():
        s3.put_object(Bucket=bucket, Key=f"dags/{name}.py", Body=text.encode())
    found = AirflowApi(state.airflow_url)
    while not set(texts) <= set(found.dag_ids()):
        time.sleep(0.5)
    yield found
    for name in texts:
        s3.delete_object(Bucket=bucket, Key=f"dags/{name}.py")


def test_a_flood_of_one_team_does_not_hold_up_another(api: AirflowApi, environment: Path) -> None:
    slots = load_environment("local", ROOT).pools["data"]
    flood = api.trigger(FLOOD, {})
    started = 0
    while started < slots:
        started = sum(found["start_date"] is not None for found in api.task_instances(FLOOD, flood))
        time.sleep(0.2)
    probe = api.trigger(PROBE, {})
    while api.run(PROBE, probe)["state"] not in ("success", "failed"):
        time.sleep(0.2)
    [work] = api.task_instances(PROBE, probe)
    assert work["state"] == "success", ends_of_logs(environment)
    while api.run(FLOOD, flood)["state"] not in ("success", "failed"):
        time.sleep(0.5)
    flooding = api.task_instances(FLOOD, flood)
    # Counted, not timed: while the probe waited, the scheduler started at most what one round of it can start.
    queued = api.run(PROBE, probe)["queued_at"]
    meanwhile = [found for found in flooding if queued <= found["start_date"] <= work["start_date"]]
    assert len(meanwhile) <= 2 * slots, len(meanwhile)
    waiting = [found for found in flooding if found["start_date"] > work["start_date"]]
    assert len(waiting) > TASKS / 4  # it really was a flood
    # And the flood kept to its own slots: no moment with more of its tasks at work.
    moments = [found["start_date"] for found in flooding]
    at_work = [sum(f["start_date"] <= moment < f["end_date"] for f in flooding) for moment in moments]
    assert max(at_work) <= slots

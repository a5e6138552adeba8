"""Runs of many short tasks in a storm, with ours or the stock operator: for the fault suite and for the comparison."""

from __future__ import annotations

import random
import time
from typing import Any

from tests.faults.airflow_client import Observer
from tests.faults.storm import Storm
from tests.faults.verdict import verdict
from tests.faults.world import CLUSTER, LANE, LOG_GROUP, REGION, World

MODES = ("ok", "ok", "ok", "ok", "ok", "ok", "ok", "error", "error", "bad")
# Airflow's own patience, shortened: how long until a task without heartbeat or a dead scheduler's task is noticed. Not
# shorter: a scheduler that is late because the machine is busy would take its own tasks for orphans, again and again.
SETTINGS = {
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "60",
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": "5",
    "AIRFLOW__SCHEDULER__ORPHANED_TASKS_CHECK_INTERVAL": "30",
    "AIRFLOW__SCHEDULER__SCHEDULER_HEALTH_CHECK_THRESHOLD": "40",
    "AIRFLOW__TRIGGERER__TRIGGERER_HEALTH_CHECK_THRESHOLD": "20",
    "AIRFLOW__TRIGGERER__JOB_HEARTBEAT_SEC": "3",
}
_HEAD = """
import datetime as dt
from airflow.sdk import DAG, task
# On the tasks themselves and not by default_args, so that a mapped task certainly has them.
RETRIES = {"retries": 3, "retry_delay": dt.timedelta(seconds=2)}
OPEN = {"schedule": None, "start_date": dt.datetime(2026, 1, 1, tzinfo=dt.UTC), "max_active_tasks": 1000}
"""
OURS = f"""{_HEAD}
from lanes.ecs.operator import RunTask
with DAG("storm_ours", **OPEN):
    @task(**RETRIES)
    def commands(dag_run=None):
        return dag_run.conf["commands"]
    RunTask.partial(task_id="work", name="{LANE}", **RETRIES).expand(command=commands())
"""
STOCK = f"""{_HEAD}
from airflow.providers.amazon.aws.operators.ecs import EcsRunTaskOperator
from lanes import deployment
with DAG("storm_stock", **OPEN):
    @task(**RETRIES)
    def overrides(dag_run=None):
        def one(index, command):
            told = {{"TASKLANE_RUN_ID": dag_run.run_id, "TASKLANE_MAP_INDEX": str(index)}}
            environment = [{{"name": name, "value": value}} for name, value in told.items()]
            return {{"containerOverrides": [{{"name": "{LANE}", "command": command, "environment": environment}}]}}
        return [one(index, command) for index, command in enumerate(dag_run.conf["commands"])]
    EcsRunTaskOperator.partial(
        task_id="work", task_definition="{CLUSTER}-{LANE}", cluster="{CLUSTER}", launch_type="FARGATE",
        network_configuration={{"awsvpcConfiguration": {{"subnets": list(deployment().subnets)}}}},
        awslogs_group="{LOG_GROUP}", awslogs_stream_prefix="{LANE}", awslogs_region="{REGION}", region_name="{REGION}",
        container_name="{LANE}", reattach=True, deferrable=True, **RETRIES,
    ).expand(overrides=overrides())
"""


def commands(seed: int, tasks: int) -> list[list[str]]:
    """What the containers do: most succeed after some seconds, some fail, some find bad input."""
    chance = random.Random(seed)  # noqa: S311 (a schedule)
    return [[chance.choice(MODES), f"{chance.uniform(0.1, 12):.1f}"] for _ in range(tasks)]


def run_in_storm(
    world: World, dag_id: str, *, seed: int, tasks: int, storm_seconds: float, share: float, most_seconds: float
) -> dict[str, Any]:
    """One run in a storm; the verdict half a minute after its end, with what the storm did."""
    if world.proxy is None:
        raise ValueError("start_proxy() before start_airflow(): the storm is in the proxy")
    observer, wanted = Observer(world), commands(seed, tasks)
    faults_before, begun = world.proxy.faults.total(), time.monotonic()
    with Storm(world, world.proxy, seed, seconds=storm_seconds, share=share) as storm:
        run_id = observer.trigger(dag_id, commands=wanted)
        while time.monotonic() - begun < most_seconds:
            storm.go_on()
            if observer.run_state(dag_id, run_id) in ("success", "failed"):
                break
            time.sleep(1)
    seconds = time.monotonic() - begun
    time.sleep(30)  # the time in which a container must have been told to stop
    own = [task for task in observer.tasks(dag_id, run_id) if task["task_id"] == "work"]
    return {
        "operator": dag_id.removeprefix("storm_"),
        "seed": seed,
        **verdict(own, observer.containers(run_id)),
        "expected_success": sum(command[0] == "ok" for command in wanted),
        "seconds": round(seconds),
        "call_faults": world.proxy.faults.total() - faults_before,
        "blows": dict(storm.dealt),
    }

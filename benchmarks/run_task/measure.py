"""RunTask beside the stock ECS operator: CPU, wall time and AWS calls for the same containers, in one run.

    PYTHONPATH=. .venv/bin/python -m benchmarks.run_task.measure --tasks 100 --seconds 60

Real Airflow processes and PostgreSQL, the emulator's process runtime, a counting proxy before it. CPU time is that of
Airflow's processes with all their children (scheduler, workers, triggerer, api-server, dag-processor), neither the
emulator's nor the containers'. The stock operator defers with its own defaults (waiter_delay 6 s) and needs
aiobotocore, which MWAA's constraints pin and our lock has no use for: see README.md here.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

from tests.faults.airflow_client import Observer, eventually
from tests.faults.aws_proxy import AwsProxy
from tests.faults.world import CLUSTER, LANE, LOG_GROUP, REGION, World

ROOT = Path(__file__).parents[2]
WATCHED = ("RunTask", "DescribeTasks", "GetLogEvents", "FilterLogEvents")
DAGS = f'''
import datetime as dt
from airflow.sdk import DAG, task
from airflow.providers.amazon.aws.operators.ecs import EcsRunTaskOperator
from lanes import deployment
from lanes.ecs.operator import RunTask
OPEN = {{"schedule": None, "start_date": dt.datetime(2026, 1, 1, tzinfo=dt.UTC), "max_active_tasks": 1000}}
with DAG("ours", **OPEN):
    @task
    def commands(dag_run=None):
        return [["ok", str(dag_run.conf["seconds"])]] * dag_run.conf["tasks"]
    RunTask.partial(task_id="work", name="{LANE}", result=False).expand(command=commands())
with DAG("stock", **OPEN):
    @task
    def overrides(dag_run=None):
        command = ["ok", str(dag_run.conf["seconds"])]
        return [{{"containerOverrides": [{{"name": "{LANE}", "command": command}}]}}] * dag_run.conf["tasks"]
    EcsRunTaskOperator.partial(
        task_id="work", task_definition="{CLUSTER}-{LANE}", cluster="{CLUSTER}", launch_type="FARGATE",
        network_configuration={{"awsvpcConfiguration": {{"subnets": list(deployment().subnets)}}}},
        awslogs_group="{LOG_GROUP}", awslogs_stream_prefix="{LANE}", awslogs_region="{REGION}", region_name="{REGION}",
        container_name="{LANE}", reattach=True, deferrable=True,
    ).expand(overrides=overrides())
'''


def measure(world: World, proxy: AwsProxy, dag_id: str, tasks: int, seconds: float) -> dict[str, Any]:
    """One DAG run of `tasks` containers of `seconds` each, in figures."""
    observer = Observer(world)
    time.sleep(5)  # let what came before come to rest
    proxy.calls.clear()
    proxy.moments.clear()
    cpu, begun = world.cpu_seconds(), time.monotonic()
    run_id = observer.trigger(dag_id, tasks=tasks, seconds=seconds)
    eventually("the run ends", lambda: observer.run_state(dag_id, run_id) in ("success", "failed"), 1800)
    wall = time.monotonic() - begun
    time.sleep(3)
    used = world.cpu_seconds() - cpu
    states = Counter(task["state"] for task in observer.tasks(dag_id, run_id) if task["task_id"] == "work")
    return {
        "operator": dag_id,
        "tasks": tasks,
        "container_seconds": seconds,
        "states": dict(states),
        "wall_s": round(wall, 1),
        "cpu_s_per_task": round(used / tasks, 3),
        "calls": dict(proxy.calls),
        "calls_per_task_minute": round(sum(proxy.calls.values()) / (tasks * seconds / 60), 2),
        "peak_calls_per_s": {action: peak(proxy, action) for action in WATCHED},
    }


def peak(proxy: AwsProxy, action: str, window: float = 10.0) -> float:
    """The most calls per second over any `window` seconds."""
    moments = sorted(moment for moment, seen in proxy.moments if seen == action)
    most = first = 0
    for last, moment in enumerate(moments):
        while moment - moments[first] > window:
            first += 1
        most = max(most, last - first + 1)
    return round(most / window, 2)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tasks", type=int, nargs="+", default=[100])
    parser.add_argument("--seconds", type=float, nargs="+", default=[60.0], help="per entry of --tasks")
    parser.add_argument("--airflow", default="3.0.6")
    parser.add_argument("--only", choices=("ours", "stock"))
    parser.add_argument("--stock-packages", type=Path, default=ROOT / ".venvs/stock-aiobotocore")
    given = parser.parse_args()
    if given.only != "ours" and not given.stock_packages.is_dir():
        parser.error(f"--stock-packages {given.stock_packages} does not exist; see benchmarks/run_task/README.md")
    with tempfile.TemporaryDirectory() as folder:
        world = World(Path(folder), given.airflow, {"both.py": DAGS})
        world.extra_path = [str(given.stock_packages)]
        try:
            world.start_emulator()
            world.deploy()
            proxy = world.start_proxy()
            world.start_airflow()
            for tasks, seconds in zip(given.tasks, given.seconds, strict=True):
                for dag_id in [given.only] if given.only else ["ours", "stock"]:
                    print(json.dumps(measure(world, proxy, dag_id, tasks, seconds)), flush=True)
        finally:
            world.close()
    return os.EX_OK


if __name__ == "__main__":
    sys.exit(main())

"""`python -m benchmarks.fan_out.arrays OUT.json [--sizes 100 1000] [--airflow 3.0.6]`: the pattern `array`.

One world (Airflow, PostgreSQL, the emulator's AWS Batch); each size runs alone. A batch is one container of an array
job that sleeps 50 ms and writes five log lines; counted as in `measure` (README.md).
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import platform
import tempfile
import time
from pathlib import Path
from typing import Any

import psutil

from benchmarks.fan_out.meter import Meter, count_statements
from tests.faults.airflow_client import Observer
from tests.faults.batch.batch_dags import BATCH_DAGS
from tests.faults.batch.batch_world import BatchWorld
from tests.faults.world import BUCKET

SECONDS = 600
# The suite's DAG, with a container that reads nothing: its own imports are no cost of the fan-out.
DAGS = {name: text.replace('command=["array", "0.05"]', 'command=["ok", "0.05"]') for name, text in BATCH_DAGS.items()}


def measure(world: BatchWorld, size: int) -> dict[str, Any]:
    """Run the fan-out once; its own figures."""
    observer = Observer(world)
    load = os.getloadavg()[0]
    aws_before = _aws_cpu_seconds(world)
    with Meter(world) as meter:
        begun = time.time()
        run_id = observer.trigger("array", n=size)
        state = _wait(observer, run_id)
        wall = time.time() - begun
    aws_used = _aws_cpu_seconds(world) - aws_before
    jobs = world.jobs(run_id)
    children = [child for job in jobs for child in world.children(job)]
    started = sorted(child["startedAt"] / 1000 for child in children if child.get("startedAt"))
    spread = started[-1] - started[0] if len(started) > 1 else 0.0
    return {
        "pattern": "array",
        "size": size,
        "state": state,
        "wall_seconds": round(wall, 1),
        "first_container_seconds": round(started[0] - begun, 1) if started else None,
        "arrays": len(jobs),
        "containers": len(children),
        "containers_succeeded": sum(child["status"] == "SUCCEEDED" for child in children),
        "started_per_second": round((len(started) - 1) / spread, 2) if spread else None,
        "cpu_seconds_per_batch": round(sum(meter.used.cpu_seconds.values()) / size, 4),
        "aws_cpu_seconds_per_batch": round(aws_used / size, 4),
        "statements_per_batch": round(meter.used.statements / size, 2),
        "peak_mib": round(meter.peak_mib),
        "load_before": round(load, 1),
    }


def _aws_cpu_seconds(world: BatchWorld) -> float:
    """Of the emulator and of all containers so far: what the machine must have left to reach a rate of starts."""
    leader = psutil.Process(world.services["emulator"].process.pid)
    total = 0.0
    for process in [leader, *leader.children(recursive=True)]:
        with contextlib.suppress(psutil.NoSuchProcess):  # ended meanwhile: its parent counts it from now on
            total += sum(process.cpu_times()[:4])
    return total


def _wait(observer: Observer, run_id: str) -> str:
    until = time.monotonic() + SECONDS
    while time.monotonic() < until:
        if (state := observer.run_state("array", run_id)) in ("success", "failed"):
            return state
        time.sleep(0.5)
    return "not ended"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("--sizes", nargs="+", type=int, default=[100, 1000])
    parser.add_argument("--airflow", default="3.0.6")
    options = parser.parse_args()
    results: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory(prefix="array-benchmark-") as folder:
        world = BatchWorld(Path(folder), options.airflow, DAGS)
        try:
            world.start_emulator()
            world.deploy()
            world.start_airflow()
            count_statements(world)
            world.client("s3").put_object(Bucket=BUCKET, Key="raw/modes.json", Body=b"{}")
            measure(world, 2)  # imports, caches, first parses
            for size in options.sizes:
                results.append(measure(world, size))
                print(json.dumps(results[-1]), flush=True)
                facts = {"airflow": options.airflow, "cpus": os.cpu_count(), "machine": platform.machine()}
                options.out.write_text(json.dumps({**facts, "runs": results}, indent=1) + "\n")
        finally:
            world.close()


if __name__ == "__main__":
    main()

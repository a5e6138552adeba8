"""`python -m benchmarks.fan_out.measure OUT.json [--patterns …] [--sizes 20 100 300 1000] [--airflow 3.0.6]`.

Each pattern and size runs alone, one after the other, in one world (Airflow, PostgreSQL, the emulator); the emulator's
and the containers' own CPU is not counted. Read README.md before comparing figures of different machines.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import tempfile
import time
from pathlib import Path
from typing import Any

import httpx

from benchmarks.fan_out.meter import Meter, count_statements
from benchmarks.fan_out.patterns import CHILD_OF, PATTERNS
from local.state import ROOT
from tests.faults.airflow_client import Observer
from tests.faults.world import BUCKET, World

SECONDS = 1800
SETTINGS = {  # with our plugins, as deployed
    "AIRFLOW__CORE__PLUGINS_FOLDER": str(ROOT / "plugins"),
    "AIRFLOW__CORE__LAZY_LOAD_PLUGINS": "False",
}


def measure(world: World, pattern: str, size: int) -> dict[str, Any]:
    """Run one pattern once; the run's own figures."""
    observer = Observer(world)
    load, before = os.getloadavg()[0], {task["taskArn"] for task in observer.containers()}
    with Meter(world) as meter:
        begun = time.time()
        run_id = observer.trigger(pattern, n=size)
        state = _wait(observer, pattern, run_id)
        wall = time.time() - begun
    mine = [task for task in observer.containers() if task["taskArn"] not in before]
    started = sorted(task["createdAt"].timestamp() for task in mine)
    spread = started[-1] - started[0] if len(started) > 1 else 0.0
    return {
        "pattern": pattern,
        "size": size,
        "state": state,
        "wall_seconds": round(wall, 1),
        "first_container_seconds": round(started[0] - begun, 1) if started else None,
        "containers": len(mine),
        "containers_succeeded": sum([c.get("exitCode") for c in t["containers"]] == [0] for t in mine),
        "started_per_second": round((len(started) - 1) / spread, 2) if spread else None,
        "cpu_seconds_per_batch": round(sum(meter.used.cpu_seconds.values()) / size, 3),
        "cpu_by_service": {name: round(seconds / size, 3) for name, seconds in meter.used.cpu_seconds.items()},
        "aws_cpu_seconds_per_batch": round(meter.used.emulator_seconds / size, 3),
        "machine_busy": round(meter.used.busy_seconds / meter.used.all_seconds, 2),
        "statements_per_batch": round(meter.used.statements / size, 1),
        "peak_mib": round(meter.peak_mib),
        "failed_children": _failed_children(observer, pattern, run_id),
        "load_before": round(load, 1),
        **({"page_ms": _page_ms(world, pattern, run_id)} if pattern.startswith("ours") else {}),
    }


def _wait(observer: Observer, dag_id: str, run_id: str) -> str:
    until = time.monotonic() + SECONDS
    while time.monotonic() < until:
        try:
            state = observer.run_state(dag_id, run_id)
        except httpx.HTTPError:
            state = "?"
        if state in ("success", "failed"):
            return state
        time.sleep(0.5)
    return "not ended"


def _failed_children(observer: Observer, pattern: str, run_id: str) -> int | None:
    child = CHILD_OF[pattern]
    if child is None:
        return None
    answer = observer._api.get(f"/dags/{child}/dagRuns", params={"state": "failed", "limit": 100}).json()
    return sum(run["dag_run_id"].startswith(run_id) for run in answer["dag_runs"])


def _page_ms(world: World, pattern: str, run_id: str) -> int:
    """The fan-out page's answer with all that it shows: the median of five."""
    token = httpx.get(f"{world.state.airflow_url}/auth/token").json()["access_token"]
    headers = {"authorization": f"Bearer {token}"}
    where = {"dag_id": pattern, "run_id": run_id}
    took = []
    for _ in range(5):
        begun = time.perf_counter()
        url = f"{world.state.airflow_url}/fan-out/data/fan-out"
        httpx.get(url, params=where, headers=headers, timeout=60).raise_for_status()
        took.append(time.perf_counter() - begun)
    return round(1000 * sorted(took)[2])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("--patterns", nargs="+", default=list(CHILD_OF), choices=list(CHILD_OF))
    parser.add_argument("--sizes", nargs="+", type=int, default=[20, 100, 300, 1000])
    parser.add_argument("--airflow", default="3.0.6")
    options = parser.parse_args()
    results: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory(prefix="fan-out-benchmark-") as folder:
        world = World(Path(folder), options.airflow, PATTERNS, SETTINGS)
        try:
            world.start_emulator()
            world.deploy()
            world.start_airflow()
            count_statements(world)
            world.client("s3").put_object(Bucket=BUCKET, Key="raw/modes.json", Body=b"{}")
            measure(world, "ours", 2)  # imports, caches, first parses
            for size in options.sizes:
                for pattern in options.patterns:
                    results.append(measure(world, pattern, size))
                    print(json.dumps(results[-1]), flush=True)
                    facts = {"airflow": options.airflow, "cpus": os.cpu_count(), "machine": platform.machine()}
                    options.out.write_text(json.dumps({**facts, "runs": results}, indent=1) + "\n")
        finally:
            world.close()


if __name__ == "__main__":
    main()

"""A month of recommendation at once: in its pool, each date by itself, one without input alone. `make test-month`."""

import datetime as dt
import json
import re
import subprocess
import time
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from local.state import State
from platform_spec.environments import load_environment
from tests.e2e.conftest import ROOT, ends_of_logs, processes_of
from tests.e2e.running import api_of, client_of, data_bucket, documents, states_of, tasklane, told

DAG, RESULTS = "recommendation", "results/recommendation/"
DATES = [str(dt.date(2026, 1, 1) + dt.timedelta(days=day)) for day in range(30)]
WITHOUT = DATES[16]  # nothing was delivered for it
MONTH_SECONDS = 1800
MARKER = re.compile(r"/v[\d.]+/\d{4}-\d\d-\d\d\.json$")
GENERATE = """
import sys
from pathlib import Path
from recommendation.generate import generate_interactions
for date in sys.argv[2:]:
    generate_interactions(Path(sys.argv[1]), date, users=300, items=200, events=6000, seed=1)
"""


@pytest.mark.timeout(2 * MONTH_SECONDS)
def test_a_month_is_backfilled_side_by_side(environment: Path, tmp_path: Path) -> None:
    deliver(environment, tmp_path)
    begun, used = time.monotonic(), cpu_seconds(environment)
    asked = ("backfill", DAG, "--from", DATES[0], "--to", DATES[-1], "--max-active", str(len(DATES)), "--yes")
    started = told(environment, *asked)["started"]["run_ids"]
    assert len(started) == len(DATES)
    samples = watched(environment, started)
    wall, cpu = time.monotonic() - begun, cpu_seconds(environment) - used
    slots, most = samples[0]["slots"], max(sample["occupied_slots"] for sample in samples)
    most_at_work = max(sample["deferred_slots"] for sample in samples)
    print(f"\n{len(DATES)} dates: {wall:.0f} s, {cpu:.0f} CPU seconds; pool ml: {most} of {slots} slots at most, "
          f"{most_at_work} tasks deferred at most, {len(samples)} samples")  # fmt: skip
    assert slots == load_environment("local", ROOT).pools["ml"]
    assert 0 < most <= slots
    assert most_at_work > slots  # more dates are at work than workers: they wait in the triggerer

    ends = {run_id: states_of(environment, (DAG, run_id)) for run_id in started}
    [alone] = [run_id for run_id, states in ends.items() if set(states.values()) != {"success"}]
    assert ends[alone] == {"preprocess": "failed", "inference": "upstream_failed", "postprocess": "upstream_failed"}
    assert api_of(environment).run(DAG, alone)["logical_date"].startswith(WITHOUT)
    assert {task["task_id"]: task["try_number"] for task in api_of(environment).task_instances(DAG, alone)}[
        "preprocess"
    ] == 1
    log = tasklane(environment, "logs", f"{DAG}.preprocess", alone).stdout
    assert "input: exit code 2" in log
    assert f"no interactions of {WITHOUT}" in log
    published = dict(documents(environment, RESULTS))
    assert summaries(published) == sorted(set(DATES) - {WITHOUT})

    for run_id in [run_id for run_id in started if run_id != alone][::10]:
        told(environment, "rerun", DAG, run_id)
        assert set(states_of(environment, (DAG, run_id), wait=True).values()) == {"success"}
    assert dict(documents(environment, RESULTS)) == published


def deliver(environment: Path, folder: Path) -> None:
    """Interactions of every date but one."""
    dates = [date for date in DATES if date != WITHOUT]
    argv = [".venvs/recommendation/bin/python", "-c", GENERATE, str(folder), *dates]
    subprocess.run(argv, cwd=ROOT, check=True)
    s3, bucket = client_of(environment, "s3"), data_bucket(environment)
    for path in folder.glob("date=*/*.parquet"):
        s3.upload_file(str(path), bucket, f"raw/interactions/{path.relative_to(folder)}")


def watched(environment: Path, run_ids: list[str]) -> list[dict[str, Any]]:
    """The pool as Airflow tells it, again and again until every run has ended."""
    state, api = State.load(environment), api_of(environment)
    assert state is not None
    samples, until, left = [], time.monotonic() + MONTH_SECONDS, set(run_ids)
    while left:
        assert time.monotonic() < until, f"{len(left)} runs have not ended\n{ends_of_logs(environment)}"
        samples.append(httpx.get(f"{state.airflow_url}/api/v2/pools/ml", timeout=60).raise_for_status().json())
        if len(samples) % 10 == 0:
            left -= {run["dag_run_id"] for run in api.runs(DAG) if run["state"] in ("success", "failed")}
        time.sleep(0.5)
    return samples


def summaries(published: dict[str, bytes]) -> list[str]:
    """The dates that have their <date>.json, each of which names recommendations that are there."""
    found = {Path(key).stem: json.loads(body) for key, body in published.items() if MARKER.search(key)}
    assert all(any(summary["recommendations"].endswith(key) for key in published) for summary in found.values())
    return sorted(found)


def cpu_seconds(environment: Path) -> float:
    """Of all processes of the environment, those that ended included (their parents have counted them)."""
    total = 0.0
    for process in processes_of(environment):
        try:
            total += sum(process.cpu_times()[:4])  # user, system, and both of children that have ended
        except psutil.NoSuchProcess:
            continue
    return total

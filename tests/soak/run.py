"""`make soak`: the local deployment under continuous fan-outs with faults, for MINUTES (30 if not given).

Rounds of the flagship pipeline on new samples, one after the other, while calls are throttled, answered with errors or
lost, and containers are refused, killed for memory or started late. Then: every round has ended well, memory and file
handles of every process are flat, disk is bounded, and nothing is left: no container, no process, no temporary file.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import boto3
import httpx

from local.lifecycle import down
from local.state import ROOT, State
from ops.airflow_api import AirflowApi
from tests.soak.meter import Meter, Series

PARENT, CHILD = "microbiome_dispatch", "microbiome_batch"
# Rates are shares of the matching calls or containers.
FAULTS: list[dict[str, Any]] = [
    {"fault": "throttle", "service": "ecs", "rate": 0.03},
    {"fault": "throttle", "service": "logs", "rate": 0.03},
    {"fault": "error", "service": "ecs", "rate": 0.01},
    {"fault": "lost_answer", "service": "ecs", "action": "RunTask", "rate": 0.05},
    {"fault": "capacity", "rate": 0.03},
    {"fault": "memory", "rate": 0.03, "seconds": 0.5},
    {"fault": "start_latency", "rate": 0.05, "seconds": 3},
]
EVERY_SECONDS = 10.0
# Allowed growth of a process in the calm part: noise of an allocator, not a leak.
MIB_PER_HOUR, HANDLES_PER_HOUR = 60.0, 20.0
ROUND_SECONDS = 600.0
STALLED_TIMES = 5.0  # a round this many times as long as the median has stood still somewhere


def main() -> int:
    parser = argparse.ArgumentParser(prog="make soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--work", type=Path, default=ROOT / "build/soak", help="where it all runs")
    given = parser.parse_args()
    folder = given.work.resolve()
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    try:
        subprocess.run([".venv/bin/tasklane", "local", "up", "--state", folder / "state"], cwd=ROOT, check=True)
        state = State.load(folder / "state")
        assert state is not None, "an environment that came up has a state"
        meter, rounds = Meter(folder / "state"), soak(state, folder, given.minutes)
        outcomes = []
        for outcome in rounds(meter):
            outcomes.append(outcome)
            print(f"round {len(outcomes)}: {outcome['state']}, {outcome['seconds']:.0f} s", flush=True)
        fired = faults_fired(state)
        left = what_is_left(state)
    finally:
        down(folder / "state")
    return verdict(meter, outcomes, fired, left, folder / "result.json")


def soak(state: State, folder: Path, minutes: float) -> Any:
    """A generator of rounds; measures while they go on."""
    reads = simulate(folder / "study")
    api, s3 = AirflowApi(state.airflow_url), client(state, "s3")
    bucket = next(b["Name"] for b in s3.list_buckets()["Buckets"] if "-data-" in b["Name"])
    s3.upload_file(str(folder / "study/reference.fasta.gz"), bucket, "reference/reference.fasta.gz")
    switch_faults(state)

    def rounds(meter: Meter) -> Any:
        until, number = time.monotonic() + minutes * 60, 0
        while time.monotonic() < until:
            number += 1
            for path in reads:
                s3.upload_file(str(path), bucket, f"raw/round{number:04}/r{number:04}{path.name}")
            begun = time.monotonic()
            run_id = api.trigger(PARENT, {"prefix": f"raw/round{number:04}/", "batch_items": 1})
            yield {"state": wait(api, run_id, meter), "seconds": time.monotonic() - begun, "run": run_id}

    return rounds


def wait(api: AirflowApi, run_id: str, meter: Meter) -> str:
    """Measure until the run has ended; its state."""
    until, measured = time.monotonic() + ROUND_SECONDS, 0.0
    while time.monotonic() < until:
        if time.monotonic() - measured > EVERY_SECONDS:
            measured = time.monotonic()
            meter.measure()
        if (state := str(api.run(PARENT, run_id)["state"])) in ("success", "failed"):
            return state
        time.sleep(1)
    return "not ended"


def simulate(folder: Path) -> list[Path]:
    argv = [ROOT / ".venvs/microbiome/bin/python", "-m", "microbiome", "simulate", "--out", folder]
    subprocess.run([*argv, "--samples", "6", "--pairs", "300", "--seed", "2"], check=True, capture_output=True)
    return sorted((folder / "reads").iterdir())


def switch_faults(state: State) -> None:
    body = {"rules": FAULTS, "seed": 1, "replace": True}
    httpx.post(**_switch(state), json=body).raise_for_status()


def faults_fired(state: State) -> dict[str, int]:
    """How often each rule fired; switches all of them off."""
    rules = httpx.get(**_switch(state)).raise_for_status().json()["rules"]
    httpx.delete(**_switch(state)).raise_for_status()
    fired: Counter[str] = Counter()
    for rule in rules:
        given = rule["rule"]
        fired[" ".join(filter(None, (given["fault"], given.get("service"), given.get("action"))))] += rule["fired"]
    return dict(fired)


def _switch(state: State) -> dict[str, Any]:
    headers = {"authorization": state.token}
    return {"url": f"{state.endpoint_url}/_tasklane/faults", "headers": headers, "timeout": 10}


def what_is_left(state: State) -> dict[str, Any]:
    """After the last round: open runs, running containers, scratch folders of containers."""
    time.sleep(15)  # stops and log lines take some seconds
    api, ecs = AirflowApi(state.airflow_url), client(state, "ecs")
    running = ecs.list_tasks(cluster="tasklane-local", desiredStatus="RUNNING")["taskArns"]
    open_runs = [run["dag_run_id"] for run in api.runs(CHILD) if run["state"] not in ("success", "failed")]
    scratch = [str(path) for path in (state.folder / "aws").rglob("microbiome-*") if path.is_dir()]
    return {"running containers": running, "open child runs": open_runs, "scratch folders": scratch}


def verdict(
    meter: Meter, outcomes: list[dict[str, Any]], fired: dict[str, int], left: dict[str, Any], result: Path
) -> int:
    """Print and store the figures; 1 when something rises, failed or is left."""
    lines = [_figures(series) for series in meter.long_lived()]
    print(f"\n{'process':46}{'MiB (resident)':>22}{'per h':>9}{'handles':>14}{'per h':>9}")
    for line in lines:
        print("{name:46}{mib:>22}{mib_per_hour:>+9.1f}{handles:>14}{handles_per_hour:>+9.1f}".format(**line))
    rising = [line["name"] for line in lines if line["rises"]]
    failed = [one for one in outcomes if one["state"] != "success"]
    usual = statistics.median(one["seconds"] for one in outcomes) if outcomes else 0.0
    stalled = [round(one["seconds"]) for one in outcomes if one["seconds"] > STALLED_TIMES * usual]
    (first, before), (last, after) = meter.disk[0], meter.disk[-1]
    grown = {name: round(after[name] - before.get(name, 0.0), 1) for name in after}
    print(f"short-lived processes: {meter.short_lived()}")
    print(f"disk after {(last - first) / 60:.0f} minutes and {len(outcomes)} rounds, MiB: {round(sum(after.values()))}")
    print(f"  grown by {grown}")
    print(f"faults fired: {fired}")
    print(f"left behind: { {name: found for name, found in left.items() if found} or 'nothing' }")
    print(f"seconds per round: {usual:.0f} usually, stood still: {stalled or 'none'}")
    print(f"rounds: {len(outcomes)}, failed: {len(failed)}; rising: {', '.join(rising) or 'nothing'}")
    document = {"processes": lines, "rounds": outcomes, "faults": fired, "left": left, "disk": meter.disk}
    result.write_text(json.dumps(document, indent=1))
    return 1 if rising or failed or stalled or any(left.values()) or not outcomes else 0


def _figures(series: Series) -> dict[str, Any]:
    begin, end = series.calm[0], series.calm[-1]
    mib, handles = series.slope("rss_mib"), series.slope("handles")
    hours = (end.seconds - begin.seconds) / 3600
    # A short soak says little about an hour: the growth must be there, not only its slope.
    rises = (mib > MIB_PER_HOUR and mib * hours > 8) or (handles > HANDLES_PER_HOUR and handles * hours > 4)
    return {
        "name": series.name,
        "mib": f"{begin.rss_mib:.0f} -> {end.rss_mib:.0f}",
        "mib_per_hour": round(mib, 1),
        "handles": f"{begin.handles} -> {end.handles}",
        "handles_per_hour": round(handles, 1),
        "rises": rises,
    }


def client(state: State, service: str) -> Any:
    return boto3.client(
        service,
        region_name="us-east-1",
        endpoint_url=state.endpoint_url,
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )


if __name__ == "__main__":
    sys.exit(main())

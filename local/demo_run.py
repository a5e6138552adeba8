"""One run of the flagship pipeline through Airflow's REST API, with a live view of its tasks and batches."""

import hashlib
import json
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.live import Live
from rich.table import Table

from local.demo_samples import Samples
from local.events import Events
from local.lifecycle import running
from local.processes import LocalError
from local.state import State
from ops.airflow_api import AirflowApi
from ops.workspace import Workspace

PARENT, CHILD = "microbiome_dispatch", "microbiome_batch"
STEPS = ("detect", "plan_batches", "fan_out", "facts", "gather")
SECONDS = 1800.0


@dataclass(frozen=True)
class Finished:
    """A successful run: where its results are, and of how many batches they were made."""

    run_id: str
    output: str
    batches: int


class Progress:
    """A table of steps and batches; on a terminal it changes in place, elsewhere each change is a line."""

    def __init__(self, console: Console) -> None:
        self._console, self._last = console, ""
        self._live = Live(console=console, transient=False) if console.is_terminal else None

    def __enter__(self) -> "Progress":
        if self._live:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._live:
            self._live.stop()

    def show(self, steps: dict[str, str], batches: Counter[str], seconds: float) -> None:
        parts = [f"{step} {steps.get(step) or '-'}" for step in STEPS]
        counted = ", ".join(f"{count} {state}" for state, count in sorted(batches.items())) or "none yet"
        if self._live:
            table = Table.grid(padding=(0, 2))
            for step in STEPS:
                table.add_row(f"  {step}", steps.get(step) or "-", f"batches: {counted}" if step == "fan_out" else "")
            table.add_row("", f"{seconds:.0f} s", "")
            self._live.update(table)
            return
        line = f"  {' · '.join(parts)} · batches: {counted}"
        if line != self._last:
            self._last = line
            self._console.print(f"{line} ({seconds:.0f} s)", markup=False)


def send_samples(workspace: Workspace, samples: Samples) -> dict[str, str]:
    """Put reads, reference and truth into the data bucket; returns the run's conf.

    Each set of reads gets a prefix of its own, so that a demo on an environment that was kept analyses only its own.
    """
    s3, bucket = workspace.client("s3"), workspace.names.data_bucket
    prefix = f"raw/demo-{_digest(samples.reads)}/"
    for path in samples.reads:
        s3.upload_file(str(path), bucket, prefix + path.name)
    s3.upload_file(str(samples.reference), bucket, f"reference/{samples.reference.name}")
    conf = {"reference": samples.reference.name, "prefix": prefix}
    if samples.truth is not None:
        s3.upload_file(str(samples.truth), bucket, f"reference/truth/{samples.truth.name}")
        conf["truth"] = f"s3://{bucket}/reference/truth/{samples.truth.name}"
    return conf


def run_pipeline(state: State, conf: dict[str, Any], progress: Progress) -> Finished:
    """Start the run and follow it to its end. LocalError says which tasks failed and why, or that a service died."""
    api = AirflowApi(state.airflow_url)
    run_id = api.trigger(PARENT, conf)
    begun = time.monotonic()
    with progress:
        while True:
            _check_services(state)
            tasks = {task["task_id"]: str(task["state"] or "") for task in api.task_instances(PARENT, run_id)}
            batches = Counter(str(run["state"]) for run in api.runs(CHILD, prefix=f"{run_id}__"))
            progress.show(tasks, batches, time.monotonic() - begun)
            outcome = api.run(PARENT, run_id)["state"]
            if outcome in ("success", "failed"):
                break
            if time.monotonic() - begun > SECONDS:
                raise LocalError(f"the pipeline did not end within {SECONDS:.0f} s; see {state.logs}")
            time.sleep(0.5)
    if outcome == "failed":
        raise LocalError(_failure(api, run_id))
    output = str(api.xcom(PARENT, run_id, "detect", "output"))
    return Finished(run_id=run_id, output=output, batches=sum(batches.values()))


def results_of(workspace: Workspace, finished: Finished, out: Path) -> dict[str, Any]:
    """Download every result file to `out`; returns gather's summary."""
    bucket, _, prefix = finished.output.removeprefix("s3://").partition("/")
    s3 = workspace.client("s3")
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix + "/"):
        for stored in page.get("Contents", []):
            name = stored["Key"].removeprefix(prefix + "/")
            target = out / ("gather.json" if name == "summary.json" else name)  # summary.json is the demo's own
            target.parent.mkdir(parents=True, exist_ok=True)
            s3.download_file(bucket, stored["Key"], str(target))
    return dict(json.loads((out / "gather.json").read_text()))


def _digest(paths: Iterable[Path]) -> str:
    digest = hashlib.sha256()
    for path in paths:
        digest.update(path.name.encode() + b"\0")
        digest.update(hashlib.file_digest(path.open("rb"), "sha256").digest())
    return digest.hexdigest()[:12]


def _failure(api: AirflowApi, run_id: str) -> str:
    lines = [f"run {run_id} of {PARENT} failed:"]
    runs = [(PARENT, run_id), *((CHILD, run["dag_run_id"]) for run in api.runs(CHILD, prefix=f"{run_id}__"))]
    for dag_id, run in runs:
        for task in api.task_instances(dag_id, run):
            if task["state"] == "failed":
                lines.append(f"  {dag_id}.{task['task_id']} ({run}), attempt {task['try_number']}:")
                log = api.log(dag_id, run, task["task_id"], task["try_number"])
                lines += [f"    {line}" for line in log[-12:]]
    return "\n".join(lines)


def _check_services(state: State) -> None:
    if running(state.folder) is None:
        events, _ = Events(state.folder).read(0)
        reason = next((e["detail"] for e in reversed(events) if e["kind"] == "failed"), "its supervisor was killed")
        raise LocalError(f"the local environment ended while the pipeline ran: {reason}")

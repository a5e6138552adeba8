"""`make demo`: the flagship pipeline from nothing to a report, on this machine, through the real deployment.

Writes `summary.json` and `report.html` (and the tables) to `out/demo/`. Exit code 0 only if the pipeline succeeded.
"""

import json
import os
import sys
import time
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from local.demo_run import Progress, results_of, run_pipeline, send_samples
from local.demo_samples import Samples, own_samples, simulated_samples
from local.events import Events
from local.follow import follow
from local.lifecycle import down, new_state, running, spawn
from local.processes import LocalError
from local.state import ROOT, State
from ops.errors import UserError
from ops.workspace import Workspace
from platform_spec.errors import SpecError

console = Console(highlight=False, soft_wrap=True)


def demo(
    samples: Annotated[int, typer.Option(min=1, help="How many samples to generate.")] = 12,
    data: Annotated[Path | None, typer.Option(help="A folder of your own FASTQ files instead.")] = None,
    reference: Annotated[Path | None, typer.Option(help="A FASTA with taxonomy, for your own files.")] = None,
    batch_items: Annotated[int, typer.Option(min=1, help="Samples per batch, at most.")] = 4,
    keep: Annotated[bool, typer.Option(help="Leave everything up and print the addresses.")] = False,
    out: Annotated[Path, typer.Option(help="Where results go.")] = ROOT / "out/demo",
    state_folder: Annotated[Path, typer.Option("--state", help="Where the local environment lives.")] = ROOT / ".local",
) -> None:
    """Deploy, run and see the flagship pipeline."""
    seconds: dict[str, float] = {}
    begun = time.monotonic()
    out.mkdir(parents=True, exist_ok=True)
    chosen = own_samples(data, reference) if data else simulated_samples(samples, out / "input", reference)
    seconds["samples"] = time.monotonic() - begun
    console.print(f"[bold]1[/] samples: {chosen.count} ({chosen.origin})")
    state = running(state_folder.resolve())
    was_up = state is not None
    try:
        console.print("[bold]2[/] local AWS, stacks, Airflow" + (" (already up)" if was_up else ""))
        state = state or _bring_up(state_folder.resolve(), seconds, owner=None if keep else os.getpid())
        summary = _analyse(state, chosen, batch_items, out, seconds)
        summary["seconds"] = round(time.monotonic() - begun, 1)
        summary["seconds_by_phase"] = {name: round(value, 1) for name, value in seconds.items()}
        (out / "summary.json").write_text(json.dumps(summary, indent=1) + "\n")
        _tell(summary, state, keep=keep or was_up)
    finally:
        if not (keep or was_up):
            down(state_folder.resolve())


def _bring_up(folder: Path, seconds: dict[str, float], *, owner: int | None) -> State:
    state = new_state(folder, {})
    supervisor = spawn(state, owner=owner)
    events = follow(Events(folder), console, alive=lambda: supervisor.poll() is None)
    seconds.update({event["phase"]: event["seconds"] for event in events if event["kind"] == "end"})
    return state


def _analyse(state: State, samples: Samples, batch_items: int, out: Path, seconds: dict[str, float]) -> dict[str, Any]:
    workspace = Workspace("local")
    os.environ["AWS_ENDPOINT_URL"] = state.endpoint_url
    begun = time.monotonic()
    conf = send_samples(workspace, samples)
    seconds["upload"] = time.monotonic() - begun
    console.print("[bold]3[/] pipeline")
    begun = time.monotonic()
    finished = run_pipeline(state, {**conf, "batch_items": batch_items}, Progress(console))
    seconds["pipeline"] = time.monotonic() - begun
    begun = time.monotonic()
    gathered = results_of(workspace, finished, out)
    seconds["results"] = time.monotonic() - begun
    return {
        "samples": gathered["samples"],
        "samples_ok": gathered["samples_ok"],
        "samples_quarantined": gathered["samples_quarantined"],
        "batches": finished.batches,
        "asvs": gathered["asvs"],
        "truth": gathered["truth"],
        "report": str(out / "report.html"),
        "run_id": finished.run_id,
    }


def _tell(summary: dict[str, Any], state: State, *, keep: bool) -> None:
    console.print("[bold]4[/] results")
    for name in ("samples", "samples_ok", "samples_quarantined", "batches", "asvs", "seconds"):
        console.print(f"  {name.replace('_', ' '):20}{summary[name]}")
    if summary["truth"]:
        console.print(f"  {'truth':20}{json.dumps(summary['truth'])}", markup=False)
    phases = ", ".join(f"{name} {value:.1f}" for name, value in summary["seconds_by_phase"].items())
    console.print(f"  {'seconds by phase':20}{phases}\n  {'report':20}{summary['report']}", markup=False)
    if keep:
        console.print(f"  {'Airflow':20}{state.airflow_url}\n  {'stop it with':20}make local-down", markup=False)


def main() -> None:
    try:
        typer.run(demo)
    except (LocalError, UserError, SpecError) as error:
        Console(stderr=True, highlight=False).print(f"demo: {error}", style="red", markup=False, soft_wrap=True)
        sys.exit(1)


if __name__ == "__main__":
    main()

"""`python -m local up|down|status|logs`: the environment on this machine. Shown to people as `tasklane local …`."""

import json
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from local.events import Events
from local.follow import follow
from local.lifecycle import down as stop
from local.lifecycle import new_state, running, spawn
from local.processes import LocalError
from local.state import ROOT, State
from local.supervisor import Supervisor
from ops.errors import UserError
from platform_spec.errors import SpecError

app = typer.Typer(no_args_is_help=True, pretty_exceptions_enable=False, help=__doc__)
console = Console(highlight=False, soft_wrap=True)
StateFolder = Annotated[Path, typer.Option("--state", help="Where logs, data and ports of this environment are kept.")]
FOLDER = ROOT / ".local"


@app.command()
def up(
    state: StateFolder = FOLDER,
    airflow_port: Annotated[int | None, typer.Option(help="Airflow's port; a free one if not given.")] = None,
    emulator_port: Annotated[int | None, typer.Option(help="The local AWS's port; a free one if not given.")] = None,
) -> None:
    """Start local AWS, deploy the stacks and the DAGs into it, start Airflow. A second `up` reuses what runs."""
    current = running(state.resolve())
    if current is None:
        current = new_state(state.resolve(), {"airflow-port": airflow_port, "emulator-port": emulator_port})
        supervisor = spawn(current, owner=None)
        try:
            follow(Events(current.folder), console, alive=lambda: supervisor.poll() is None)
        except BaseException:
            stop(current.folder)
            raise
    console.print(f"Airflow   {current.airflow_url}\nlocal AWS {current.endpoint_url}", markup=False)


@app.command()
def down(
    state: StateFolder = FOLDER,
    keep_data: Annotated[bool, typer.Option(help="Keep the database and the buckets for the next `up`.")] = False,
) -> None:
    """Stop everything that runs, and remove its data unless told to keep it."""
    console.print("stopped" if stop(state.resolve(), keep_data=keep_data) else "nothing was running")


@app.command()
def status(
    state: StateFolder = FOLDER, as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False
) -> None:
    """Say whether it runs, and where. Exit code 1 when it does not."""
    current = running(state.resolve())
    facts = {"running": current is not None}
    if current is not None:
        facts |= {"ready": current.ready, "airflow": current.airflow_url, "aws": current.endpoint_url}
    print(json.dumps(facts)) if as_json else [print(f"{name}: {value}") for name, value in facts.items()]
    raise typer.Exit(0 if current else 1)


@app.command()
def logs(
    service: Annotated[str, typer.Argument(help="A service; without it, their names.")] = "",
    state: StateFolder = FOLDER,
    lines: Annotated[int, typer.Option(help="How many of the last lines.")] = 50,
) -> None:
    """Print the end of a service's log."""
    folder = state.resolve() / "logs"
    known = sorted(path.stem for path in folder.glob("*.log"))
    if not service:
        print("\n".join(known))
    elif service not in known:
        raise LocalError(f"no log of {service!r} in {folder}; there are: {', '.join(known) or 'none'}")
    else:
        print("\n".join((folder / f"{service}.log").read_text(errors="replace").splitlines()[-lines:]))


@app.command(hidden=True)
def supervise(state: StateFolder, owner: int | None = None) -> None:
    """The background process behind `up`."""
    found = State.load(state)
    if found is None:
        raise LocalError(f"{state}: there is no state.json")
    raise typer.Exit(Supervisor(found, owner=owner).run())


def main() -> None:
    try:
        app()
    except (LocalError, UserError, SpecError) as error:
        Console(stderr=True, highlight=False).print(
            f"tasklane local: {error}", style="red", markup=False, soft_wrap=True
        )
        sys.exit(1)


if __name__ == "__main__":
    main()

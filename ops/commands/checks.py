"""`tasklane doctor` (this machine) and `tasklane preflight` (an environment, before AWS is asked to build it)."""

from dataclasses import asdict
from typing import Annotated

import typer

from ops.options import Env, Json, say, show_json, show_table
from ops.preflight.doctor import examine
from ops.preflight.run import preflight as run_preflight
from ops.workspace import Workspace, checkout

Offline = Annotated[bool, typer.Option("--offline", help="Do not ask the account (quotas, who is told of failures).")]


def doctor(as_json: Json = False) -> None:
    """Look at this machine. Exit code 1: something that is needed is missing."""
    found = list(examine(checkout()))
    if as_json:
        show_json([asdict(item) for item in found])
    else:
        rows = [
            ("ok" if f.ok else "missing" if f.needed else "optional", f.name, f.what, "" if f.ok else f.fix)
            for f in found
        ]
        show_table(("", "what", "found", "what to do"), rows, empty="")
    raise typer.Exit(1 if any(f.needed and not f.ok for f in found) else 0)


def preflight(env: Env, offline: Offline = False, as_json: Json = False) -> None:
    """Find in seconds what AWS would refuse after half an hour. Exit code 1: findings."""
    report = run_preflight(Workspace(env), offline=offline)
    if as_json:
        show_json({"findings": [f.as_dict() for f in report.findings], "notes": report.notes})
    else:
        for finding in report.findings:
            say(str(finding))
        for note in report.notes:
            say(f"note: {note}")
        say(f"{len(report.findings)} findings")
    raise typer.Exit(1 if report.findings else 0)

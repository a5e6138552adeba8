"""Packages that a lane needs beside Airflow on MWAA, whose image does not have them."""

import re
from collections.abc import Iterator

from ops.finding import Finding
from ops.mwaa_files import requirement_lines
from ops.workspace import Workspace

_FILE = "mwaa/requirements.txt"
# The lane docker is not here: it is refused on MWAA, and elsewhere this file is not read.
_NEEDED = {"kubernetes": "apache-airflow-providers-cncf-kubernetes"}


def missing_providers(workspace: Workspace) -> Iterator[Finding]:
    """Of the lanes that tasks of this source have."""
    path = workspace.root / _FILE
    lines = requirement_lines(path.read_bytes()) if path.exists() else []
    asked = {re.split(r"[\s\[<>=!~;]", line, maxsplit=1)[0] for line in lines}
    for lane, package in _NEEDED.items():
        tasks = sorted(task.name for task in workspace.tasks.values() if task.lane == lane)
        if tasks and package not in asked:
            why = f"the DAGs of {', '.join(tasks)} (lane {lane}) cannot be imported on MWAA without it"
            yield Finding("provider", _FILE, f"does not ask for {package}", why, f"add the line {package}")

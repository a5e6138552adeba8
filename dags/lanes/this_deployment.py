"""The deployment that these DAGs belong to: its manifest and its teams, read once per process from beside the DAGs."""

import os
from functools import cache
from pathlib import Path

from platform_spec.manifest import FILE_NAME, Manifest
from platform_spec.teams import FILE_NAME as TEAMS
from platform_spec.teams import Team, read_teams

_DAGS = Path(__file__).resolve().parent.parent


@cache
def deployment() -> Manifest:
    """Return the manifest of this deployment; raises ManifestError. TASKLANE_MANIFEST names another file for tests."""
    return Manifest.read(Path(os.environ.get("TASKLANE_MANIFEST") or _DAGS / FILE_NAME))


@cache
def teams() -> dict[str, Team]:
    """The teams that share this Airflow, by name; raises SpecError."""
    return read_teams(_DAGS / TEAMS, _DAGS.parent)

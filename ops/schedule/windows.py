"""dags/schedules.toml: how far an owner lets a DAG's schedule be moved. A DAG that is not in it stays where it is."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import NamedTuple

from ops.errors import UserError

FILE = "dags/schedules.toml"
_KEYS = ("earlier_minutes", "later_minutes")
MOST_MINUTES = 12 * 60


class Window(NamedTuple):
    """Minutes before and after the declared time."""

    earlier: int
    later: int


def windows(root: Path, known: set[str]) -> dict[str, Window]:
    """UserError for a DAG that does not exist, an unknown key, or a number outside of 0 to 12 hours."""
    path = root / FILE
    if not path.exists():
        return {}
    try:
        declared = tomllib.loads(path.read_text())
    except tomllib.TOMLDecodeError as error:
        raise UserError(f"{FILE}: not TOML: {error}") from None
    return {dag_id: _window(dag_id, values, known) for dag_id, values in declared.items()}


def _window(dag_id: str, values: object, known: set[str]) -> Window:
    if dag_id not in known:
        raise UserError(f"{FILE}: there is no DAG {dag_id!r} (there: {', '.join(sorted(known))}); remove or rename it")
    if not isinstance(values, dict) or set(values) - set(_KEYS):
        raise UserError(f"{FILE}: [{dag_id}] takes {' and '.join(_KEYS)}, not {values!r}")
    for key, minutes in values.items():
        if not isinstance(minutes, int) or not 0 <= minutes <= MOST_MINUTES:
            raise UserError(f"{FILE}: [{dag_id}] {key} = {minutes!r}: whole minutes from 0 to {MOST_MINUTES}")
    return Window(values.get("earlier_minutes", 0), values.get("later_minutes", 0))

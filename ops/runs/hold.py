"""Hold a DAG after a date: an Airflow Variable per DAG that plugins/tasklane_hold.py obeys (docs/adr/0011-hold.md)."""

from __future__ import annotations

import getpass
import json
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from urllib.parse import quote

from ops.airflow_state.rest import AirflowRest
from ops.errors import UserError

PREFIX = "tasklane_hold."  # as in plugins/tasklane_hold.py, which is deployed alone and imports nothing of ours


@dataclass(frozen=True)
class Hold:
    """Runs of `dag_id` whose logical date (or, without one, whose run-after moment) is `first` or later wait."""

    dag_id: str
    first: str  # ISO 8601, with an offset
    by: str
    at: str
    reason: str = ""

    def holds(self, when: datetime) -> bool:
        return when >= datetime.fromisoformat(self.first)

    def value(self) -> str:
        return json.dumps({"from": self.first, "by": self.by, "at": self.at, "reason": self.reason})

    def as_dict(self) -> dict[str, str]:
        return asdict(self)


def new_hold(dag_id: str, first: datetime, reason: str) -> Hold:
    return Hold(dag_id, first.isoformat(), getpass.getuser(), datetime.now(UTC).isoformat(timespec="seconds"), reason)


def holds(rest: AirflowRest) -> dict[str, Hold]:
    """All holds, by DAG."""
    query = {"variable_key_pattern": f"{PREFIX}%"}
    found = {}
    for variable in rest.all("/variables", "variables", query=query):
        if not variable["key"].startswith(PREFIX):
            continue
        dag_id = variable["key"].removeprefix(PREFIX)
        try:
            value = json.loads(variable["value"])
            found[dag_id] = Hold(dag_id, value["from"], value["by"], value["at"], value["reason"])
        except (ValueError, KeyError, TypeError):
            known = f"the Variable {variable['key']} cannot be read: everything is held"
            found[dag_id] = Hold(dag_id, "0001-01-01T00:00:00+00:00", "unknown", "", known)
    return found


def set_hold(rest: AirflowRest, hold: Hold) -> None:
    """Put it there, or in the place of an older one."""
    key = PREFIX + hold.dag_id
    body = {"key": key, "value": hold.value(), "description": "tasklane hold: later runs wait"}
    if rest.find("/variables", method="POST", body=body) is None:
        rest.call("PATCH", f"/variables/{quote(key, safe='')}", body=body)


def remove_hold(rest: AirflowRest, dag_id: str) -> None:
    if rest.find(f"/variables/{quote(PREFIX + dag_id, safe='')}", method="DELETE") is None:
        raise UserError(f"DAG {dag_id} is not held (held: {', '.join(sorted(holds(rest))) or 'none'})")


def waiting(runs: list[dict[str, str]], hold: Hold) -> list[str]:
    """Ids of the queued runs that the hold keeps back."""
    dates = {run["dag_run_id"]: run["logical_date"] or run["run_after"] for run in runs if run["state"] == "queued"}
    return [run_id for run_id, when in dates.items() if hold.holds(datetime.fromisoformat(when))]

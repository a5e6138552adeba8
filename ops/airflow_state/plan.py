"""What Airflow has against what the environment file declares.

What carries our mark and is no longer declared is removed; what a person made by hand is reported and left alone.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from ops.airflow_state.rest import AirflowRest
from ops.airflow_state.values import OWNED, Values
from ops.workspace import Workspace
from platform_spec.airflow_state import Connection
from platform_spec.teams import DEFAULT_POOL

KINDS = ("pool", "variable", "connection")


@dataclass(frozen=True)
class Action:
    """`do` is create, change, remove or leave (unknown to us); `body` is what the API is sent, without secrets."""

    do: str
    kind: str
    name: str
    what: str
    body: Mapping[str, Any]

    def as_dict(self) -> dict[str, Any]:
        return {key: value for key, value in asdict(self).items() if key != "body"}


def plan_state(workspace: Workspace, rest: AirflowRest) -> list[Action]:
    """Reads Airflow and the versions of values, no value."""
    wanted = {"pool": _pools(workspace), "variable": _variables(workspace), "connection": _connections(workspace)}
    there = {
        "pool": {pool["name"]: pool for pool in rest.all("/pools", "pools")},
        "variable": {variable["key"]: variable for variable in rest.all("/variables", "variables")},
        "connection": {found["connection_id"]: found for found in rest.all("/connections", "connections")},
    }
    return [action for kind in KINDS for action in _actions(kind, wanted[kind], there[kind])]


def _actions(kind: str, wanted: dict[str, dict[str, Any]], there: dict[str, dict[str, Any]]) -> Iterator[Action]:
    for name, body in wanted.items():
        if name not in there:
            yield Action("create", kind, name, _said(body), body)
            continue
        differing = [key for key, value in body.items() if not _same(there[name].get(key), value)]
        if differing:
            yield Action("change", kind, name, ", ".join(differing), body)
    for name, found in there.items():
        if name in wanted:
            continue
        owned = str(found.get("description") or "").startswith(OWNED)
        yield Action("remove" if owned else "leave", kind, name, "" if owned else "not declared, made by hand", {})


def _pools(workspace: Workspace) -> dict[str, dict[str, Any]]:
    wanted: dict[str, dict[str, Any]] = {}
    for name, slots in workspace.environment.pool_slots.items():
        wanted[name] = {"name": name, "slots": slots}
        if name != DEFAULT_POOL:  # Airflow lets nothing but the slots of its own pool be changed
            wanted[name] |= {"description": OWNED, "include_deferred": False}
    return wanted


def _variables(workspace: Workspace) -> dict[str, dict[str, Any]]:
    values, wanted = Values(workspace), {}
    for key, source in workspace.environment.variables.items():
        name, version = values.variable(key, source)
        wanted[key] = {"key": key, "description": f"{OWNED}: {name} {version}"}
    return wanted


def _connections(workspace: Workspace) -> dict[str, dict[str, Any]]:
    return {
        name: _connection(workspace, name, connection) for name, connection in workspace.environment.connections.items()
    }


def _connection(workspace: Workspace, name: str, connection: Connection) -> dict[str, Any]:
    described = OWNED
    if connection.password:
        place, version = Values(workspace).password(name)
        described = f"{OWNED}: {place} {version}"
    return {
        "connection_id": name,
        "conn_type": connection.type,
        "host": connection.host or None,
        "port": connection.port,
        "login": connection.login or None,
        "schema": connection.database or None,
        "extra": json.dumps(connection.extra, sort_keys=True) if connection.extra else None,
        "description": described,
    }


def _same(found: Any, wanted: Any) -> bool:
    """Airflow gives `extra` back as text, with the keys in its own order."""
    if isinstance(found, str) and isinstance(wanted, str) and wanted.startswith("{"):
        try:
            return bool(json.loads(found) == json.loads(wanted))
        except ValueError:
            return False
    return (found or None) == (wanted or None)


def _said(body: Mapping[str, Any]) -> str:
    return f"{body['slots']} slots" if "slots" in body else str(body.get("description", ""))

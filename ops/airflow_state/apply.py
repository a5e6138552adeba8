"""Carry out a plan of Airflow's state. Values are read here, at the last moment, and sent nowhere else."""

from collections.abc import Callable, Sequence
from typing import Any
from urllib.parse import quote

from ops.airflow_state.plan import Action
from ops.airflow_state.rest import AirflowRest
from ops.airflow_state.values import Values
from ops.workspace import Workspace
from platform_spec.teams import DEFAULT_POOL

Say = Callable[[str], None]
_PATHS = {"pool": "/pools", "variable": "/variables", "connection": "/connections"}


def apply_state(workspace: Workspace, rest: AirflowRest, actions: Sequence[Action], say: Say) -> int:
    """Returns how many things were changed. Each call can be repeated: a stopped run is finished by the next."""
    done = 0
    for action in actions:
        if action.do == "leave":
            continue
        path = f"{_PATHS[action.kind]}/{quote(action.name, safe='')}"
        if action.do == "remove":
            rest.find(path, method="DELETE")
        else:
            _set(rest, action, path, _body(workspace, action))
        say(f"airflow: {action.do} {action.kind} {action.name}" + (f" ({action.what})" if action.what else ""))
        done += 1
    return done


def _set(rest: AirflowRest, action: Action, path: str, body: dict[str, Any]) -> None:
    """What was to be created may be there: the SDK repeats a call whose answer did not come."""
    if action.do == "create" and rest.find(_PATHS[action.kind], method="POST", body=body) is not None:
        return
    query = {"update_mask": ["slots"]} if action.name == DEFAULT_POOL and action.kind == "pool" else None
    rest.call("PATCH", path, query=query, body=body)


def _body(workspace: Workspace, action: Action) -> dict[str, Any]:
    """The declared body with its value."""
    environment, body = workspace.environment, {k: v for k, v in action.body.items() if v is not None}
    if action.kind == "variable":
        body["value"] = Values(workspace).variable_value(action.name, environment.variables[action.name])
    elif action.kind == "connection" and environment.connections[action.name].password:
        body["password"] = Values(workspace).password_value(action.name)
    return body

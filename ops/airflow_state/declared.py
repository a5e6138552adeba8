"""What the environment file declares, in a form that can be compared. Values of secrets are not in it."""

import json
from typing import Any

from ops.objects import sha256
from ops.workspace import Workspace


def declared_state(workspace: Workspace) -> dict[str, Any]:
    """{"pools": {name: slots}, "variables": {key: source}, "connections": {id: {...}}}, as written in the file."""
    environment = workspace.environment
    return {
        "pools": environment.pool_slots,
        "variables": dict(environment.variables),
        "connections": {key: connection.model_dump() for key, connection in environment.connections.items()},
    }


def declared_hash(workspace: Workspace) -> str:
    """SHA-256 of what is declared: releases are compared by it."""
    return sha256(json.dumps(declared_state(workspace), sort_keys=True).encode())

"""How a resource type is registered with ministack's CloudFormation engine.

ministack keeps a table from type to handlers; a handler gets resolved properties and answers (physical id, attributes).
Types with tags stand in a second table, so that stack tags reach them.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any

from ministack.services.cloudformation import provisioners

Json = dict[str, Any]
Made = tuple[str, Json]
Create = Callable[[str, Json, str], Made]
Update = Callable[[str, Json, Json, str], Made]
Delete = Callable[[str, Json], None]


class ResourceError(ValueError):
    """The resource cannot be made; ministack shows the text as the reason of the failed stack event."""


def register(resource_type: str, create: Create, update: Update | None, delete: Delete, *, tags: str = "") -> None:
    """Add or replace a type. update None: every change replaces the resource. tags: 'list', 'map' or '' for none."""
    handlers: Json = {"create": create, "delete": delete}
    if update:
        handlers["update"] = update
    provisioners._RESOURCE_HANDLERS[resource_type] = handlers
    if tags:
        provisioners._STACK_TAG_PROPERTY[resource_type] = ("Tags", tags)


def after(resource_type: str, complete: Callable[[str, Json, Json | None], Json]) -> None:
    """Let `complete(physical id, properties, old properties)` run after ministack's own create and update.

    What it returns is added to the attributes (Fn::GetAtt).
    """
    handlers = provisioners._RESOURCE_HANDLERS[resource_type]
    create, update = handlers["create"], handlers.get("update")

    def created(logical_id: str, properties: Json, stack: str) -> Made:
        physical_id, attributes = create(logical_id, properties, stack)
        return physical_id, {**(attributes or {}), **complete(physical_id, properties, None)}

    def updated(physical_id: str, old: Json, new: Json, stack: str, *logical_id: str) -> Made:
        physical_id, attributes = update(physical_id, old, new, stack, *logical_id)
        return physical_id, {**(attributes or {}), **complete(physical_id, new, old)}

    handlers["create"] = created
    if update:
        handlers["update"] = updated


def expect(resource_type: str, properties: Mapping[str, Any], known: set[str]) -> None:
    """Raise ResourceError for a property that would be dropped: silence would look like a deployed setting."""
    unknown = sorted(set(properties) - known)
    if unknown:
        raise ResourceError(f"{resource_type}: the local AWS does not store {', '.join(unknown)}")


def checked(response: tuple[int, Any, Any]) -> bytes:
    """The body of an in-process API answer. Raises ResourceError with the service's message."""
    status, _, body = response
    raw = body if isinstance(body, bytes) else str(body or "").encode()
    if status >= 400:
        raise ResourceError(_message(raw))
    return raw


def _message(raw: bytes) -> str:
    try:
        document = json.loads(raw)
        return str(document.get("message") or document.get("Message") or document)
    except ValueError:
        return raw.decode(errors="replace")

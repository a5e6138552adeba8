"""What a reader gives back."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]


@dataclass(frozen=True)
class Deployed:
    """A deployed resource: properties in the template's names and shapes, attributes for Fn::GetAtt."""

    properties: Json
    attributes: Json = field(default_factory=dict)


# (clients by service name, physical id, the resource's own resolved properties where it has no id of its own)
Reader = Callable[[Callable[[str], Any], str, Json], Deployed]


def template_names(value: Any, free: frozenset[str] = frozenset()) -> Any:
    """An API document with the template's names (first letters capital); `free` members keep their keys."""
    if isinstance(value, dict):
        made = {}
        for key, item in value.items():
            name = key[:1].upper() + key[1:]
            made[name] = item if name in free else template_names(item, free)
        return made
    if isinstance(value, list):
        return [template_names(item, free) for item in value]
    return value

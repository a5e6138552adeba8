"""A second judge of IAM policies, small and pure: identity policies of one account, Allow statements only.

Written apart from the emulator's, so that the two can be held against each other. It knows what our policies use and
refuses the rest. Source: IAM User Guide, "Policy evaluation logic" and "IAM JSON policy elements: Condition operators".
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any


@dataclass(frozen=True)
class Call:
    """One authorized request: who asked for what, on what, with which condition keys."""

    role: str
    action: str
    resource: str
    conditions: tuple[tuple[str, str], ...] = ()

    @classmethod
    def of(cls, role: str, action: str, resource: str, conditions: Mapping[str, object] | None = None) -> Call:
        given = sorted((key.lower(), str(value)) for key, value in (conditions or {}).items())
        return cls(role, action, resource, tuple(given))


@dataclass(frozen=True)
class Grant:
    """One Allow statement of a role: `conditions` maps (operator, key in small letters) to the accepted values."""

    role: str
    sid: str
    actions: tuple[str, ...]
    resources: tuple[str, ...]
    conditions: Mapping[tuple[str, str], tuple[str, ...]] = field(default_factory=dict, hash=False)

    def allows(self, call: Call) -> bool:
        if call.role != self.role:
            return False
        return (
            any(matches(pattern.lower(), call.action.lower()) for pattern in self.actions)
            and any(matches(pattern, call.resource) for pattern in self.resources)
            and all(_holds(operator, accepted, key, call) for (operator, key), accepted in self.conditions.items())
        )

    def without_action(self, action: str) -> Grant:
        return replace(self, actions=tuple(one for one in self.actions if one != action))

    def without_resource(self, resource: str) -> Grant:
        return replace(self, resources=tuple(one for one in self.resources if one != resource))

    def without_condition(self, condition: tuple[str, str]) -> Grant:
        return replace(self, conditions={key: value for key, value in self.conditions.items() if key != condition})


def allowed(call: Call, grants: Iterable[Grant]) -> bool:
    return any(grant.allows(call) for grant in grants)


def grants_of(role: str, document: Mapping[str, Any]) -> list[Grant]:
    """The statements of one policy document. Raises ValueError for what this judge does not know."""
    return [_grant(role, number, statement) for number, statement in enumerate(_list(document["Statement"]))]


def _grant(role: str, number: int, statement: Mapping[str, Any]) -> Grant:
    unknown = set(statement) - {"Sid", "Effect", "Action", "Resource", "Condition"}
    if unknown or statement["Effect"] != "Allow":
        raise ValueError(f"{role}: statement {statement} has elements this judge does not know")
    conditions = {
        (operator, key.lower()): tuple(_list(values))
        for operator, keys in statement.get("Condition", {}).items()
        for key, values in keys.items()
    }
    for operator, _ in conditions:
        if operator not in _OPERATORS:
            raise ValueError(f"{role}: condition operator {operator}; known: {', '.join(_OPERATORS)}")
    sid = statement.get("Sid", f"#{number}")
    return Grant(role, sid, tuple(_list(statement["Action"])), tuple(_list(statement["Resource"])), conditions)


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _holds(operator: str, accepted: tuple[str, ...], key: str, call: Call) -> bool:
    actual = dict(call.conditions).get(key)
    return actual is not None and any(_OPERATORS[operator](pattern, actual) for pattern in accepted)


def matches(pattern: str, value: str) -> bool:
    """`*` stands for any text, `?` for one character."""
    return _compiled(pattern).fullmatch(value) is not None


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    parts = ({"*": ".*", "?": "."}.get(part, re.escape(part)) for part in re.split(r"([*?])", pattern))
    return re.compile("".join(parts), re.DOTALL)


_OPERATORS = {
    "StringEquals": lambda pattern, value: pattern == value,
    "StringLike": matches,
    "ArnEquals": matches,  # IAM treats ArnEquals and ArnLike alike
    "ArnLike": matches,
}

"""What counts as the same: everything the template says must be there; services may add defaults.

Policies must be equal as a whole. Numbers and booleans may arrive as text. Order counts except where the service keeps
a set. Tags: those of the template must be there, CloudFormation and the stack add their own.
"""

import json
from dataclasses import dataclass
from typing import Any

_SETS = {
    "RouteTableIds",
    "SecurityGroupIds",
    "SubnetIds",
    "CapacityProviders",
    "RequiresCompatibilities",
    "ClusterSettings",
    "SecurityGroupIngress",
    "SecurityGroupEgress",
    "DefaultCapacityProviderStrategy",
    "Dimensions",
    "Subscription",
    "Targets",
}
# Other resources of the stack may add to these (a managed policy attaches itself to its roles).
_OPEN_SETS = {"ManagedPolicyArns", "Roles"}
_EXACT = ("PolicyDocument", "KeyPolicy", "RepositoryPolicyText", "LifecyclePolicyText", "EventPattern")
_IN_ANY_ORDER = ("Action", "Resource", "NotAction", "AWS", "Service")
MISSING = object()


@dataclass(frozen=True)
class Difference:
    """One property that is not as the template says; `problem` is set when it cannot be compared at all."""

    where: str
    path: str
    expected: Any
    actual: Any

    def __str__(self) -> str:
        if self.actual is MISSING:
            return f"{self.where} {self.path}: not deployed or not readable; template: {_short(self.expected)}"
        return f"{self.where} {self.path}: template {_short(self.expected)}, deployed {_short(self.actual)}"


def differences(where: str, expected: dict[str, Any], actual: dict[str, Any]) -> list[Difference]:
    """All differences between resolved properties and those read back."""
    return [one for key, value in expected.items() for one in _compare(where, key, value, actual.get(key, MISSING))]


def _compare(where: str, path: str, expected: Any, actual: Any) -> list[Difference]:
    key = path.rsplit(".", 1)[-1].split("[")[0]
    if actual is MISSING:
        return [Difference(where, path, expected, actual)]
    if key.endswith(_EXACT):
        same = _canonical(_parsed(expected)) == _canonical(_parsed(actual))
        return [] if same else [Difference(where, path, expected, actual)]
    if key.endswith("Tags") and isinstance(expected, list | dict):
        return _compare_tags(where, path, _tag_map(expected), _tag_map(actual))
    if isinstance(expected, dict):
        if not isinstance(actual, dict):
            return [Difference(where, path, expected, actual)]
        return [
            one
            for name, value in expected.items()
            for one in _compare(where, f"{path}.{name}", value, actual.get(name, MISSING))
        ]
    if isinstance(expected, list):
        return _compare_lists(where, path, key, expected, actual)
    return [] if _scalar(expected) == _scalar(actual) else [Difference(where, path, expected, actual)]


def _compare_lists(where: str, path: str, key: str, expected: list[Any], actual: Any) -> list[Difference]:
    if not isinstance(actual, list) or (len(actual) != len(expected) and key not in _OPEN_SETS):
        return [Difference(where, path, expected, actual)]
    if key in _SETS | _OPEN_SETS:
        rest = list(actual)
        for item in expected:
            match = next((one for one in rest if not _compare(where, path, item, one)), MISSING)
            if match is MISSING:
                return [Difference(where, path, expected, actual)]
            rest.remove(match)
        return []
    pairs = enumerate(zip(expected, actual, strict=True))
    return [one for index, (want, have) in pairs for one in _compare(where, f"{path}[{index}]", want, have)]


def _compare_tags(where: str, path: str, expected: dict[str, str], actual: dict[str, str]) -> list[Difference]:
    return [
        Difference(where, f"{path}[{key}]", value, actual.get(key, MISSING))
        for key, value in expected.items()
        if actual.get(key) != value
    ]


def _tag_map(tags: Any) -> dict[str, str]:
    if isinstance(tags, dict):
        return {str(key): str(value) for key, value in tags.items()}
    lowered = [{key.lower(): value for key, value in tag.items()} for tag in tags or []]
    return {tag.get("key") or tag["tagkey"]: tag.get("value", tag.get("tagvalue", "")) for tag in lowered}


def _scalar(value: Any) -> str:
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return str(value).lower() if isinstance(value, bool) else str(value)


def _parsed(value: Any) -> Any:
    return json.loads(value) if isinstance(value, str) else value


def _canonical(value: Any, key: str = "") -> Any:
    """A form in which equal policies are equal: single values as lists, sets sorted, text scalars."""
    if isinstance(value, dict):
        return {name: _canonical(item, name) for name, item in sorted(value.items())}
    if key in _IN_ANY_ORDER:
        return sorted(_scalar(item) for item in (value if isinstance(value, list) else [value]))
    if isinstance(value, list):
        return [_canonical(item) for item in value] if len(value) != 1 else _canonical(value[0], key)
    return _scalar(value)


def _short(value: Any) -> str:
    text = json.dumps(value, default=str)
    return text if len(text) <= 300 else text[:300] + "…"

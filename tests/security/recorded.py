"""What the emulator recorded: the calls of our roles, each kind once."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from tests.security.policy import Call

_ROLE = re.compile(r"arn:aws:sts::\d{12}:assumed-role/(?P<role>[^/]+)/")
# Ids and times differ from run to run; a policy cannot tell them apart, so neither does the record.
_IDS = (
    (re.compile(r"[0-9a-f]{16,64}"), "0" * 16),
    (re.compile(r"(:job/)[0-9a-f-]{36}"), r"\g<1>0000"),
    (re.compile(r"(manual|scheduled)__[^/]+"), r"\1__run"),
    (re.compile(r"/demo-[0-9a-f]+/[^/]*"), "/demo/sample"),
    (re.compile(r"/dags/[^/]+(/.*)?$"), "/dags/file"),
    (re.compile(r"(/results/[^/]+/0+)/.*"), r"\1/file"),
)


_KEY_ID = re.compile(r"(:key/)[0-9a-f-]{36}")


def any_key(text: str) -> str:
    """Every deployment makes a key with an id of its own; there is one per environment."""
    return _KEY_ID.sub(r"\1the-key-of-the-environment", text)


def read_calls(audit: Path, prefix: str) -> tuple[list[Call], list[Call]]:
    """Allowed and refused calls of the roles whose names begin with `prefix`, sorted, without repetitions."""
    allowed, refused = set(), set()
    for role, entry in _entries(audit.read_text().splitlines()):
        if role.startswith(prefix):
            conditions = {key: _general(str(value)) for key, value in entry["conditions"].items()}
            call = Call.of(role, entry["action"], _general(entry["resource"]), conditions)
            (allowed if entry["allowed"] else refused).add(call)
    return sorted(allowed, key=repr), sorted(refused, key=repr)


def save(calls: Iterable[Call], path: Path) -> None:
    lines = [json.dumps([c.role, c.action, c.resource, dict(c.conditions)]) for c in sorted(calls, key=repr)]
    path.write_text("\n".join(lines) + "\n")


def load(path: Path) -> list[Call]:
    return [Call.of(*json.loads(line)) for line in path.read_text().splitlines()]


def _entries(lines: Iterable[str]) -> Iterator[tuple[str, dict]]:
    for line in lines:
        entry = json.loads(line)
        found = _ROLE.match(entry["principal"])
        if found:
            yield found["role"], entry


def _general(text: str) -> str:
    text = any_key(text)
    for pattern, replacement in _IDS:
        text = pattern.sub(replacement, text)
    return text

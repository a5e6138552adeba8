"""Mutation of the policies: take one thing away; something that the platform did must then be refused.

A mutant that survives is a right that nobody has shown to need: remove it, or say in justified.toml why it stays.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.security.policy import Call, Grant, allowed

JUSTIFIED = Path(__file__).parent / "justified.toml"


@dataclass(frozen=True)
class Mutant:
    """`grants` is what is left of a role's rights. `taken` is "" for the whole statement, else an action or ARN."""

    role: str
    sid: str
    taken: str
    grants: tuple[Grant, ...]

    def __str__(self) -> str:
        return f"{self.role} {self.sid}" + (f" without {self.taken}" if self.taken else " removed")


@dataclass(frozen=True)
class Justification:
    """Why rights stay that no run uses. `sid` and `taken` as in Mutant; an empty `taken` covers the statement."""

    role: str
    sid: str
    taken: tuple[str, ...]
    reason: str

    def covers(self, mutant: Mutant) -> bool:
        same = self.role in mutant.role and mutant.sid == self.sid
        return same and (not self.taken or any(mutant.taken.endswith(one) for one in self.taken))


def mutants(grants: Sequence[Grant]) -> Iterator[Mutant]:
    """Each statement gone; each action gone; each resource gone where a statement has several."""
    for grant in grants:
        rest = tuple(other for other in grants if other is not grant)
        yield Mutant(grant.role, grant.sid, "", rest)
        if len(grant.actions) > 1:
            for action in grant.actions:
                yield Mutant(grant.role, grant.sid, action, (*rest, grant.without_action(action)))
        if len(grant.resources) > 1:
            for resource in grant.resources:
                yield Mutant(grant.role, grant.sid, resource, (*rest, grant.without_resource(resource)))


def surviving(grants: Sequence[Grant], calls: Iterable[Call]) -> list[Mutant]:
    """Mutants under which every recorded call of the role is still allowed."""
    calls = list(calls)
    return [m for m in mutants(grants) if all(allowed(call, m.grants) for call in calls if call.role == m.role)]


def widened(grants: Sequence[Grant]) -> Iterator[Mutant]:
    """Each condition gone: something that must be refused is then allowed."""
    for grant in grants:
        rest = tuple(other for other in grants if other is not grant)
        for condition in grant.conditions:
            yield Mutant(grant.role, grant.sid, condition[1], (*rest, grant.without_condition(condition)))


def justifications(path: Path = JUSTIFIED) -> list[Justification]:
    entries = tomllib.loads(path.read_text())["right"]
    return [Justification(e["role"], e["sid"], tuple(e.get("taken", ())), e["reason"]) for e in entries]

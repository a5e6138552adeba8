"""Least privilege, proven: each statement, action and resource of each role is needed, or its reason is written down.

recorded-calls.jsonl is what the pipelines did under enforcement; `make iam-mutation` records it anew and also takes
rights away from a running deployment.
"""

from __future__ import annotations

from pathlib import Path

from tests.security.mutants import justifications, mutants, surviving
from tests.security.policy import Call, Grant, allowed
from tests.security.recorded import load

RECORDED = Path(__file__).parent / "recorded-calls.jsonl"


def test_what_the_pipelines_did_is_still_allowed(grants: list[Grant]) -> None:
    assert [call for call in load(RECORDED) if not allowed(call, grants)] == []


def test_what_is_taken_away_is_missed_or_justified(grants: list[Grant]) -> None:
    known = justifications()
    left = [m for m in surviving(grants, load(RECORDED)) if not any(why.covers(m) for why in known)]
    assert [str(mutant) for mutant in left] == []


def test_every_justification_is_still_needed(grants: list[Grant]) -> None:
    left = surviving(grants, load(RECORDED))
    assert [why for why in justifications() if not any(why.covers(mutant) for mutant in left)] == []


def test_an_unneeded_right_is_found(grants: list[Grant]) -> None:
    role = "tasklane-local-microbiome-task"
    extra = Grant(role, "Extra", ("s3:DeleteObject",), ("arn:aws:s3:::x/*",))
    before, after = (len(surviving(given, load(RECORDED))) for given in (grants, [*grants, extra]))
    assert after == before + 1
    assert len(list(mutants(grants))) > 60


def test_a_needed_right_is_missed(grants: list[Grant]) -> None:
    calls = load(RECORDED)
    needed = Call.of("tasklane-local-airflow", "ecs:RunTask", "x")
    assert any((call.role, call.action) == (needed.role, needed.action) for call in calls)
    assert not any(m.sid == "RunTasks" and not m.taken for m in surviving(grants, calls))

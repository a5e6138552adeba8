"""The fan-out page's arithmetic, and the page as one file. No Airflow here: rows are what its database would give."""

import datetime as dt
import importlib.util
import json
import re
from types import SimpleNamespace
from typing import Any

import pytest

from ops.errors import UserError
from ops.fan_outs.html import page_with
from ops.fan_outs.resume import failed_batches
from ops.workspace import ROOT

SPEC = importlib.util.spec_from_file_location("view", ROOT / "plugins/tasklane_pages/view.py")
assert SPEC is not None
assert SPEC.loader is not None
view = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(view)
T = dt.datetime(2026, 11, 20, 10, tzinfo=dt.UTC)


def run(index: int, state: str, generation: int = 0, seconds: float | None = None) -> Any:
    again = f"__r{generation}" if generation else ""
    end = None if seconds is None else T + dt.timedelta(seconds=seconds)
    return SimpleNamespace(run_id=f"p__abc__b{index:05}{again}", state=state, queued_at=T, start_date=T, end_date=end)


def task(state: str | None, tries: int = 1) -> Any:
    return SimpleNamespace(task_id="work", state=state, try_number=tries, start_date=T, end_date=None)


def facts(outcome: str, cost: float = 0.01) -> Any:
    return SimpleNamespace(task_id="work", value={"outcome": outcome, "cost_usd": cost, "size": "batch"})


def views(runs: list[Any], tasks: dict[str, Any], known: dict[str, Any], count: int = 4) -> list[Any]:
    by_run = {name: [value] for name, value in tasks.items()}
    documents = {name: [value] for name, value in known.items()}
    planned = {0: {"items": 3, "bytes": 9}}
    return list(view.batch_views(count, runs, by_run, documents, planned, quarantine=True))


def test_every_batch_has_a_state_also_those_that_have_no_run_yet() -> None:
    runs = [run(0, "success", seconds=9), run(1, "failed", seconds=5), run(2, "running")]
    tasks = {runs[0].run_id: task("success"), runs[1].run_id: task("failed"), runs[2].run_id: task("up_for_retry", 2)}
    found = views(runs, tasks, {runs[1].run_id: facts("memory")})
    assert [b["state"] for b in found] == ["success", "failed", "retrying", "waiting"]
    assert (found[1]["class"], found[1]["cost_usd"], found[2]["tries"], found[0]["items"]) == ("memory", 0.01, 2, 3)
    assert view.totals(found) == {"states": {"success": 1, "failed": 1, "retrying": 1, "waiting": 1}, "cost_usd": 0.01}


def test_bad_input_is_quarantined_and_the_last_generation_counts_at_the_cost_of_all() -> None:
    runs = [run(0, "failed"), run(1, "failed"), run(1, "success", generation=1)]
    tasks = {runs[0].run_id: task("failed"), runs[1].run_id: task("failed"), runs[2].run_id: task("success")}
    known = {runs[0].run_id: facts("input"), runs[1].run_id: facts("memory"), runs[2].run_id: facts("success")}
    found = views(runs, tasks, known, count=2)
    assert [b["state"] for b in found] == ["quarantined", "success"]
    assert (found[1]["generation"], found[1]["cost_usd"]) == (1, 0.02)


def test_the_time_left_is_that_of_the_last_ends() -> None:
    batches: list[dict[str, Any]] = [{"state": "success", "end": 100.0 + i} for i in range(11)]
    batches += [{"state": "running"}] * 20
    assert view.eta_seconds(batches, 110.0) == pytest.approx(20.0)
    assert view.eta_seconds(batches[:1] + batches[-1:], 110.0) is None
    assert view.eta_seconds(batches[:11], 200.0) == 0.0


def test_the_file_needs_no_server_and_its_data_cannot_end_the_script() -> None:
    page = page_with({"dag_id": "</script><b>", "batches": []})
    assert "</script><b>" not in page
    snapshot = re.search(r'id="snapshot">(.*?)</script>', page, re.DOTALL)
    assert snapshot is not None
    assert json.loads(snapshot[1])["dag_id"] == "</script><b>"
    assert not re.search(r'(src|href)="(?!data:)', page)
    assert "import {" not in page


def test_only_what_failed_can_be_resumed() -> None:
    states = ("success", "failed", "quarantined")
    shown = {"batches": [{"index": index, "state": state} for index, state in enumerate(states)]}
    assert [b["index"] for b in failed_batches(shown, [])] == [1]
    assert [b["index"] for b in failed_batches(shown, [2])] == [2]
    with pytest.raises(UserError, match="batch 0 is success"):
        failed_batches(shown, [0])
    with pytest.raises(UserError, match="batch 9 is not in this plan"):
        failed_batches(shown, [9])

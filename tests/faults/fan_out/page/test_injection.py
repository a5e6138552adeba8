"""Names that are markup: samples, runs, log lines and errors are shown as they are, and nothing of them runs."""

from __future__ import annotations

import json
from urllib.parse import quote

import pytest

from tests.faults.fan_out.page.steps import expect_count, open_page

MARKUP = '"><img src=x onerror=window.hacked=1><svg onload=window.hacked=1>'
SCRIPT = "</script><script>window.hacked=1</script>"


@pytest.fixture
def untouched(page):
    """Afterwards nothing of the names has become an element or has run."""
    yield
    assert page.evaluate("window.hacked") is None
    assert page.locator("img, svg, iframe").count() == 0
    assert page.locator("script").count() == 2  # the empty snapshot and page.js


def test_names_and_log_lines_are_text(world, observer, page, untouched):
    observer.modes(b1=MARKUP)  # the container does not know this word: it says so in its log and fails
    run_id = observer.rest.post(
        "/dags/fan/dagRuns",
        json={
            "dag_run_id": f"evil{MARKUP}",
            "logical_date": None,
            "conf": {"n": 2, "names": f"sample{SCRIPT}{MARKUP}"},
        },
    ).raise_for_status().json()["dag_run_id"]  # fmt: skip
    assert observer.ended(quote(run_id, safe=""), 120) == "failed"
    open_page(page, world, run_id)
    expect_count(page, "#grid button.failed", 1)
    assert MARKUP in page.inner_text("#subtitle")
    page.click("#grid button.failed")
    page.wait_for_selector("#batch pre")
    panel = page.inner_text("#batch-content")
    assert f"sample{SCRIPT}{MARKUP}00001" in panel
    assert f"probe {MARKUP} line 0" in panel
    page.goto(f"{world.state.airflow_url}/fan-out/")
    page.wait_for_selector("#recent a")
    assert f"evil{MARKUP}" in page.inner_text("#recent")


def test_the_page_as_a_file_holds_its_data_as_text(page, tmp_path):
    """`tasklane fanout show --html`: no server, so no header forbids scripts; the data must not become one."""
    from ops.fan_outs.html import page_with

    batch = {"index": 0, "state": "failed", "class": f"error{SCRIPT}", "run_id": f"r{MARKUP}__b00000", "tries": 1}
    view = {
        "dag_id": f"fan{SCRIPT}{MARKUP}", "run_id": f"r{MARKUP}", "task_id": "fan_out", "map_index": -1,
        "run_state": "failed", "task_state": "failed", "start": 1.0, "end": 2.0, "now": 3.0,
        "info": {"child_dag_id": f"child{SCRIPT}"}, "summary": None, "batches": [batch],
        "totals": {"states": {"failed": 1}, "cost_usd": 0.0}, "eta_seconds": 0.0,
    }  # fmt: skip
    file = tmp_path / "page.html"
    file.write_text(page_with(view))
    page.goto(file.as_uri())
    page.click("#grid button")
    assert f"error{SCRIPT}" in page.inner_text("#batch-content")
    assert f"error{SCRIPT}" in page.inner_text("#classes")
    assert json.loads(page.text_content("#snapshot")) == view
    assert page.evaluate("window.hacked") is None
    assert page.locator("img, svg, iframe").count() == 0

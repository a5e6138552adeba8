"""The fan-out page in headless Chromium against real runs. Screenshots go to out/screenshots (CI keeps them).

Needs Playwright (locks/browser.txt) and Debian's chromium: `make browser-tests`.
"""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path

import pytest

from local.state import ROOT
from tests.faults.airflow_client import eventually

sync_api = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed: make browser-tests")
CHROMIUM = shutil.which("chromium") or "/usr/bin/chromium"
SHOTS = Path(os.environ.get("SCREENSHOTS", ROOT / "out/screenshots"))
MANY = int(os.environ.get("PAGE_BATCHES", "1000"))


@pytest.fixture(scope="module")
def browser():
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def page(world, browser, request):
    """A page whose user is signed in to Airflow; any error of its scripts fails the test."""
    context = browser.new_context(viewport={"width": 1280, "height": 900}, color_scheme="light")
    page, problems = context.new_page(), []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.goto(f"{world.state.airflow_url}/auth/token/login")
    page.wait_for_load_state("networkidle")
    problems.clear()  # Airflow's own pages are not ours to judge
    yield page
    context.close()
    assert problems == []


def open_page(page, world, run_id):
    page.goto(f"{world.state.airflow_url}/fan-out/?dag_id=fan&run_id={run_id.replace('+', '%2B')}")
    page.wait_for_selector("#grid button")


def expect(page, selector, count, seconds=120):
    """Waits without evaluating text in the page: its content security policy forbids that, as it should."""
    sync_api.expect(page.locator(selector)).to_have_count(count, timeout=1000 * seconds)


def shot(page, name):
    SHOTS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=SHOTS / f"{name}.png")


def test_failures_are_seen_opened_resumed_and_the_page_follows_live(world, observer, page):
    observer.modes(b1="error", b5="bad")
    run_id = observer.trigger("fan", n=12)
    eventually("dispatched", lambda: len(observer.children(run_id)) == 12, 60)
    open_page(page, world, run_id)
    page.wait_for_selector("#grid button.failed", timeout=120_000)  # without a reload
    page.wait_for_selector("#grid button.quarantined", timeout=120_000)
    assert observer.ended(run_id, 120) == "failed"
    expect(page, "#grid button.success", 10)
    assert "error: 1 (batches 1)" in page.inner_text("#classes")
    shot(page, "fan-out-failures")
    page.click("#grid button.failed")
    page.wait_for_selector("#batch pre")
    panel = page.inner_text("#batch-content")
    assert "s00001" in panel  # its sample
    assert "error: exit code 1" in panel  # the end of its log
    assert f"{run_id}__" in panel
    shot(page, "fan-out-batch")
    page.keyboard.press("Escape")
    observer.modes()
    page.on("dialog", lambda dialog: dialog.accept())
    page.click("#resume")
    expect(page, "#grid button.success", 11)
    assert observer.ended(run_id, 60) == "success"


def test_the_keyboard_is_enough(world, observer, page):
    run_id = observer.trigger("fan", n=4)
    assert observer.ended(run_id, 120) == "success"
    open_page(page, world, run_id)
    page.focus("#grid button")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    page.wait_for_selector("#batch h2 >> text=Batch 2")
    page.keyboard.press("Escape")
    assert page.evaluate("document.activeElement.dataset.index") == "2"


def test_cancel_stops_everything(world, observer, page):
    observer.modes(seconds=300)
    run_id = observer.trigger("fan", n=2)
    eventually("running", lambda: "running" in observer.children(run_id).values(), 60)
    open_page(page, world, run_id)
    page.on("dialog", lambda dialog: dialog.accept())
    page.click("#cancel")
    eventually("children failed", lambda: set(observer.children(run_id).values()) == {"failed"}, 30)


def test_a_thousand_batches_are_readable_and_answered_in_time(world, observer, page):
    run_id = observer.trigger("fan", n=MANY, child="asleep_child")
    eventually("dispatched", lambda: len(observer.children(run_id, "asleep_child")) == MANY, 300)
    open_page(page, world, run_id)
    expect(page, "#grid button", MANY)
    where = {"dag_id": "fan", "run_id": run_id}
    url = f"{world.state.airflow_url}/fan-out/data/fan-out"
    token = observer.rest.get(f"{world.state.airflow_url}/auth/token").json()["access_token"]
    took = []
    for _ in range(5):
        begun = time.perf_counter()
        answer = observer.rest.get(url, params=where, headers={"authorization": f"Bearer {token}"})
        took.append(time.perf_counter() - begun)
        assert len(answer.json()["batches"]) == MANY
    print(f"{MANY} batches: best answer {1000 * min(took):.0f} ms")  # the bar (300 ms) is for a quiet machine
    shot(page, "fan-out-thousand")
    page.emulate_media(color_scheme="dark")
    shot(page, "fan-out-thousand-dark")

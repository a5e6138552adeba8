"""Chromium, and one world for all page tests. FAULTS_AIRFLOW: Airflow's version; PAGE_PREFIX: path in front of its UI.

Needs Playwright (locks/browser.txt) and a Chromium or Chrome of the system: `make test-browser` has the first and looks
for the second, in PATH or in CHROMIUM. Screenshots go to out/screenshots (CI keeps them).
"""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest

from local.state import ROOT, State
from tests.faults.fan_out.fan_observer import FanObserver
from tests.faults.fan_out.worlds import fan_out_world

PREFIX = os.environ.get("PAGE_PREFIX", "")
VERSION = os.environ.get("FAULTS_AIRFLOW", "3.0.6")
SHOTS = Path(os.environ.get("SCREENSHOTS", ROOT / "out/screenshots"))
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
# Run ids that a person may give are narrower by default; some teams widen them.
ANY_RUN_ID = {"AIRFLOW__SCHEDULER__ALLOWED_RUN_ID_PATTERN": "^.+$"}


@dataclass
class Prefixed(State):
    """An environment whose web server sits under a path, as behind a company's gateway."""

    @property
    def airflow_url(self) -> str:
        return f"{super().airflow_url}{PREFIX}"


@pytest.fixture(scope="session")
def browser():
    sync_api = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed here: make test-browser")
    found = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, BROWSERS)), None)
    if found is None:
        pytest.skip(f"no browser on this machine (looked for {', '.join(BROWSERS)}; CHROMIUM=path names another)")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def world(browser, tmp_path_factory):
    """After the browser: without one, nothing is started."""
    with fan_out_world(tmp_path_factory.mktemp("page"), VERSION, ANY_RUN_ID, Prefixed) as world:
        yield world


@pytest.fixture
def observer(world):
    observer = FanObserver(world)
    observer.modes()
    return observer


@pytest.fixture
def page(world, browser):
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


@pytest.fixture
def shot(page):
    """Keep a screenshot under this name, Airflow's version and the prefix."""
    SHOTS.mkdir(parents=True, exist_ok=True)
    where = f"{VERSION}{'-prefix' if PREFIX else ''}"
    return lambda name: page.screenshot(path=SHOTS / f"{name}-{where}.png")

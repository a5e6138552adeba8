"""What a person does on the page, and waits for."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from tests.faults.world import World


def open_page(page: Any, world: World, run_id: str) -> None:
    page.goto(f"{world.state.airflow_url}/fan-out/?{urlencode({'dag_id': 'fan', 'run_id': run_id})}")
    page.wait_for_selector("#grid button")


def expect_count(page: Any, selector: str, count: int, seconds: float = 120) -> None:
    """Waits without evaluating text in the page: its content security policy forbids that, as it should."""
    from playwright.sync_api import expect

    expect(page.locator(selector)).to_have_count(count, timeout=1000 * seconds)

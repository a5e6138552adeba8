"""The fan-out page in headless Chromium against real runs: what is seen live, opened, resumed, cancelled."""

from __future__ import annotations

import re

from tests.faults.airflow_client import eventually
from tests.faults.fan_out.page.steps import expect_count, open_page

READABLE = 4.5  # contrast of normal text (WCAG 2.2, level AA)


def test_failures_are_seen_opened_resumed_and_the_page_follows_live(world, observer, page, shot):
    observer.modes(b1="error", b5="bad")
    run_id = observer.trigger("fan", n=12)
    eventually("dispatched", lambda: len(observer.children(run_id)) == 12, 60)
    open_page(page, world, run_id)
    page.wait_for_selector("#grid button.failed", timeout=120_000)  # without a reload
    page.wait_for_selector("#grid button.quarantined", timeout=120_000)
    assert observer.ended(run_id, 120) == "failed"
    expect_count(page, "#grid button.success", 10)
    assert "error: 1 (batches 1)" in page.inner_text("#classes")
    shot("failures")
    page.click("#grid button.failed")
    page.wait_for_selector("#batch pre")
    panel = page.inner_text("#batch-content")
    assert "s00001" in panel  # its sample
    assert "error: exit code 1" in panel  # the end of its log
    assert f"{run_id}__" in panel
    shot("batch")
    page.keyboard.press("Escape")
    observer.modes()
    page.on("dialog", lambda dialog: dialog.accept())
    page.click("#resume")
    expect_count(page, "#grid button.success", 11)
    assert observer.ended(run_id, 60) == "success"


def test_links_lead_to_airflow_whatever_its_prefix(world, observer, page):
    run_id = observer.trigger("fan", n=2)
    assert observer.ended(run_id, 120) == "success"
    path = f"/dags/fan/dagRuns/{run_id}/taskInstances/fan_out/links"
    link = observer.rest.get(path).json()["extra_links"]["Fan-out"]
    page.goto(f"{world.state.airflow_url.removesuffix(_path(world))}{link}")
    page.wait_for_selector("#grid button.success")
    page.click("#grid button >> nth=0")
    page.wait_for_selector("#batch dl a")
    with page.context.expect_page() as opened:
        page.click("#batch dl a")
    opened.value.wait_for_url(re.compile(re.escape(f"{_path(world)}/dags/lane_child/runs/")))
    page.goto(f"{world.state.airflow_url}/fan-out/")  # without a run: the list of recent ones
    page.click(f"#recent a >> text={run_id}")
    page.wait_for_selector("#grid button.success")


def test_the_keyboard_is_enough(world, observer, page):
    run_id = observer.trigger("fan", n=4)
    assert observer.ended(run_id, 120) == "success"
    open_page(page, world, run_id)
    page.keyboard.press("Tab")
    for _ in range(20):  # to the grid from wherever the page begins
        if page.evaluate("document.activeElement.parentElement.id") == "grid":
            break
        page.keyboard.press("Tab")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    page.wait_for_selector("#batch h2 >> text=Batch 2")
    page.keyboard.press("Escape")
    assert page.evaluate("document.activeElement.dataset.index") == "2"
    page.keyboard.press("Home")
    assert page.evaluate("document.activeElement.dataset.index") == "0"


def test_light_and_dark_are_readable(world, observer, page, shot):
    observer.modes(b0="error")
    run_id = observer.trigger("fan", n=3)
    assert observer.ended(run_id, 120) == "failed"
    open_page(page, world, run_id)
    papers = set()
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        for selector in ("#title", "#subtitle", "#facts", "h2 small", "#classes", "#slowest td", "#resume"):
            ink, paper = page.eval_on_selector(selector, COLOURS)
            assert contrast(ink, paper) >= READABLE, (scheme, selector, ink, paper)
        papers.add(str(page.eval_on_selector("body", COLOURS)[1]))
        shot(f"scheme-{scheme}")
    assert len(papers) == 2


def test_cancel_stops_everything(world, observer, page):
    observer.modes(seconds=300)
    run_id = observer.trigger("fan", n=2)
    eventually("running", lambda: "running" in observer.children(run_id).values(), 60)
    open_page(page, world, run_id)
    page.on("dialog", lambda dialog: dialog.accept())
    page.click("#cancel")
    eventually("children failed", lambda: set(observer.children(run_id).values()) == {"failed"}, 30)


# The colour of an element's text, and of the nearest background behind it.
COLOURS = """element => {
  const numbers = text => text.match(/[\\d.]+/g).map(Number);
  const ink = numbers(getComputedStyle(element).color);
  const paper = behind => numbers(getComputedStyle(behind).backgroundColor);
  let behind = element;
  while (behind.parentElement && (paper(behind)[3] ?? 1) === 0) behind = behind.parentElement;
  return [ink, paper(behind)];
}"""


def contrast(one: list[float], other: list[float]) -> float:
    """The contrast ratio of two colours (red, green, blue from 0 to 255), as WCAG defines it."""
    darker, lighter = sorted(map(_luminance, (one, other)))
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(colour: list[float]) -> float:
    parts = [c / 255 for c in colour[:3]]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def _path(world) -> str:
    return "/" + "/".join(world.state.airflow_url.split("/")[3:]) if world.state.airflow_url.count("/") > 2 else ""

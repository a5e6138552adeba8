"""The load of the coming days as one HTML file: a chart per pool, and the schedules in words. No external assets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from html import escape

from ops.schedule.load import Job, hourly
from ops.schedule.timetables import Schedule
from ops.schedule.words import first_run, times, when

_STYLE = """
:root { color-scheme: light dark; --ink: #1b1f24; --dim: #68727d; --line: #d8dde3; --back: #fff;
  --c0:#2f6fb2; --c1:#c05a1c; --c2:#3f8f4f; --c3:#8a56a8; --c4:#b0893a; --c5:#2b8c8c; --c6:#b2476b; --c7:#6d7680; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e9ec; --dim: #96a0aa; --line: #3a424b; --back: #14181c;
  --c0:#6ea8e0; --c1:#e08f5a; --c2:#77c187; --c3:#be94d6; --c4:#d8b66d; --c5:#6cc4c4; --c6:#e08aa8; --c7:#a5aeb7; } }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--back); margin: 2rem auto;
  max-width: 1100px; padding: 0 1rem } h1 { font-size: 1.4rem } h2 { font-size: 1.1rem; margin-top: 2rem }
svg { width: 100%; height: auto } text { fill: var(--dim); font-size: 11px } .slots { stroke: var(--dim);
  stroke-dasharray: 5 4 } .axis { stroke: var(--line) } table { border-collapse: collapse; width: 100% } td, th {
  text-align: left; padding: .35rem .7rem .35rem 0; border-top: 1px solid var(--line); vertical-align: top }
.key span { display: inline-block; width: .8em; height: .8em; margin: 0 .35em 0 1em } .dim { color: var(--dim) }
"""
_WIDTH, _HEIGHT, _LEFT, _BOTTOM = 1000, 200, 44, 24
_COLOURS = 8


def page(
    environment: str,
    found: Sequence[Schedule],
    jobs: Sequence[Job],
    slots: Mapping[str, int],
    now: datetime,
    hours: int,
) -> str:
    """Standalone HTML; light and dark by the reader's setting. The charts begin with the hour of `now`."""
    begin = now.replace(minute=0, second=0, microsecond=0)
    colours = {one.dag_id: number % _COLOURS for number, one in enumerate(jobs)}
    pools = sorted({pool for one in jobs for pool in one.slots})
    charts = "".join(_chart(pool, hourly(jobs, hours * 60, pool), slots.get(pool, 0), colours, begin) for pool in pools)
    none = '<p class="dim">No scheduled DAG has run yet: there is nothing measured to draw.</p>'
    rows = "".join(
        f"<tr><td>{escape(one.dag_id)}</td><td>{escape(when(one))}</td>"
        f"<td>{'<br>'.join(times(one, now)) or 'none'}</td>"
        f"<td>{escape(first_run(one, now))}</td></tr>"
        for one in found
    )
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f"<title>Schedules of {escape(environment)}</title><style>{_STYLE}</style>"
        f"<h1>Schedules of {escape(environment)}</h1><p>Slots wanted per hour and pool for {hours} hours from "
        f"{begin:%Y-%m-%d %H:%M} UTC, from schedules and measured medians. Dashed: the slots there are.</p>"
        f"{charts or none}<h2>When each DAG runs</h2><table><tr><th>DAG</th><th>rule</th><th>next</th>"
        f"<th>first run, if it were new now</th></tr>{rows}</table></html>\n"
    )


def _chart(pool: str, load: dict[str, list[float]], slots: int, colours: dict[str, int], begin: datetime) -> str:
    hours = max((len(values) for values in load.values()), default=0)
    totals = [sum(values[hour] for values in load.values()) for hour in range(hours)]
    top = max([*totals, 0.01])
    scale = max(top, float(slots)) if slots <= 4 * top else top  # a line far above the bars would flatten them
    width = (_WIDTH - _LEFT) / max(1, hours)
    parts = [_bars(hour, load, colours, width, scale, begin) for hour in range(hours)]
    parts += [_day(hour, width, begin) for hour in range(hours) if (begin + timedelta(hours=hour)).hour == 0]
    if slots and slots <= scale:
        y = _y(slots, scale)
        parts.append(f'<line class="slots" x1="{_LEFT}" x2="{_WIDTH}" y1="{y:.1f}" y2="{y:.1f}"/>')
    parts += [f'<text x="0" y="{_y(value, scale) + 4:.1f}">{value:.2g}</text>' for value in (0, scale / 2, scale)]
    parts.append(f'<line class="axis" x1="{_LEFT}" x2="{_WIDTH}" y1="{_HEIGHT - _BOTTOM}" y2="{_HEIGHT - _BOTTOM}"/>')
    key = "".join(f'<span style="background:var(--c{colours[dag]})"></span>{escape(dag)}' for dag in load)
    return (
        f"<h2>Pool {escape(pool)}: at most {top:.2g} of {slots} slots, averaged over an hour</h2>"
        f'<svg viewBox="0 -8 {_WIDTH} {_HEIGHT + 8}" role="img" aria-label="load of pool {escape(pool)}">'
        f'{"".join(parts)}</svg><p class="key">{key}</p>'
    )


def _bars(
    hour: int, load: dict[str, list[float]], colours: dict[str, int], width: float, scale: float, begin: datetime
) -> str:
    parts, below = [], 0.0
    for dag, values in load.items():
        if values[hour] > 0:
            y, height = _y(below + values[hour], scale), _y(below, scale) - _y(below + values[hour], scale)
            title = f"{begin + timedelta(hours=hour):%a %H:%M} {escape(dag)}: {values[hour]:.2g} slots"
            parts.append(
                f'<rect x="{_LEFT + hour * width:.1f}" y="{y:.1f}" width="{max(0.5, width - 1):.1f}" '
                f'height="{height:.1f}" fill="var(--c{colours[dag]})"><title>{title}</title></rect>'
            )
            below += values[hour]
    return "".join(parts)


def _day(hour: int, width: float, begin: datetime) -> str:
    x = _LEFT + hour * width
    label = f"{begin + timedelta(hours=hour):%a %d %b}"
    return (
        f'<line class="axis" x1="{x:.1f}" x2="{x:.1f}" y1="0" y2="{_HEIGHT - _BOTTOM}"/>'
        f'<text x="{x + 3:.1f}" y="{_HEIGHT - 8}">{label}</text>'
    )


def _y(value: float, scale: float) -> float:
    return (_HEIGHT - _BOTTOM) * (1 - value / scale)

"""The load of the coming days as one HTML file: a chart per pool, and the schedules in words. No external assets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from html import escape

from ops.schedule.load import Job, hourly, profile
from ops.schedule.timetables import Schedule
from ops.schedule.words import first_run, times, when

_STYLE = """
:root { color-scheme: light dark; --ink: #1b1f24; --dim: #68727d; --line: #d8dde3; --back: #fff; --over: #b3261e;
  --c0:#2f6fb2; --c1:#c05a1c; --c2:#3f8f4f; --c3:#8a56a8; --c4:#b0893a; --c5:#2b8c8c; --c6:#b2476b; --c7:#6d7680; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e9ec; --dim: #96a0aa; --line: #3a424b; --back: #14181c;
  --over: #ff8a80;
  --c0:#6ea8e0; --c1:#e08f5a; --c2:#77c187; --c3:#be94d6; --c4:#d8b66d; --c5:#6cc4c4; --c6:#e08aa8; --c7:#a5aeb7; } }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--back); margin: 2rem auto;
  max-width: 1100px; padding: 0 1rem } h1 { font-size: 1.4rem } h2 { font-size: 1.1rem; margin-top: 2rem }
svg { width: 100%; min-width: 900px; height: auto } .wide { overflow-x: auto } .over { color: var(--over) }
text { fill: var(--dim); font-size: 11px } .slots { stroke: var(--dim);
  stroke-dasharray: 5 4 } .axis { stroke: var(--line) } table { border-collapse: collapse; width: 100% } td, th {
  text-align: left; padding: .35rem .7rem .35rem 0; border-top: 1px solid var(--line); vertical-align: top }
.key span { white-space: nowrap; margin-right: 1em } .key i { display: inline-block; width: .8em; height: .8em;
  margin-right: .35em } .dim { color: var(--dim) }
"""
_WIDTH, _HEIGHT, _LEFT, _BOTTOM = 1000, 200, 56, 24
_COLOURS = 8  # in one chart: the smallest loads share the last one
_FLATTEST = 0.25  # of the height: bars far below the slots are drawn so high, and the line of the slots is left out


def page(
    environment: str,
    found: Sequence[Schedule],
    jobs: Sequence[Job],
    slots: Mapping[str, int],
    now: datetime,
    hours: int,
    *,
    asked: bool = True,
) -> str:
    """Standalone HTML; light and dark by the reader's setting. The charts begin with the hour of `now`.

    `asked`: whether Airflow was asked for what runs took.
    """
    begin = now.replace(minute=0, second=0, microsecond=0)
    load = profile(jobs, hours * 60)
    charts = "".join(_chart(p, hourly(jobs, hours * 60, p), load[p], slots.get(p, 0), begin) for p in sorted(load))
    why = "No scheduled DAG has run yet" if asked else "Airflow was not asked (--offline)"
    none = f'<p class="dim">{why}: there is nothing measured to draw.</p>'
    missing = [one.dag_id for one in found if one.next and one.dag_id not in {job.dag_id for job in jobs}]
    unmeasured = (
        f'<p class="dim">Not in the load, because no run has succeeded yet: {escape(", ".join(missing))}.</p>'
        if missing and jobs
        else ""
    )
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
        f"{begin:%Y-%m-%d %H:%M} UTC, from schedules and measured medians. Times in UTC. Dashed: the slots there "
        f'are.</p>{charts or none}{unmeasured}<h2>When each DAG runs</h2><div class="wide"><table><tr><th>DAG</th>'
        f"<th>rule</th><th>next</th><th>first run, if it were new now</th></tr>{rows}</table></div></html>\n"
    )


def _chart(pool: str, load: dict[str, list[float]], minutes: list[float], slots: int, begin: datetime) -> str:
    """`load` per hour and DAG, `minutes` of all: an hour's average hides what is wanted for some minutes of it."""
    load = _largest(load)
    colours = {dag_id: number for number, dag_id in enumerate(load)}
    hours = max((len(values) for values in load.values()), default=0)
    totals = [sum(values[hour] for values in load.values()) for hour in range(hours)]
    top = max([*totals, 1e-9])
    scale = max(top, float(slots)) if slots * _FLATTEST <= top else top / _FLATTEST
    width = (_WIDTH - _LEFT) / max(1, hours)
    parts = [_bars(hour, load, colours, width, scale, begin) for hour in range(hours)]
    every = 3 if hours <= 30 else 6 if hours <= 78 else 24
    parts += [_tick(h, width, begin, every) for h in range(hours) if (begin + timedelta(hours=h)).hour % every == 0]
    if slots and slots <= scale:
        y = _y(slots, scale)
        parts.append(f'<line class="slots" x1="{_LEFT}" x2="{_WIDTH}" y1="{y:.1f}" y2="{y:.1f}"/>')
    labels = ((0.0, "0"), (scale / 2, f"{scale / 2:.2g}"), (scale, f"{scale:.2g} slots"))
    parts += [f'<text x="0" y="{_y(value, scale) + 4:.1f}">{text}</text>' for value, text in labels]
    parts.append(f'<line class="axis" x1="{_LEFT}" x2="{_WIDTH}" y1="{_HEIGHT - _BOTTOM}" y2="{_HEIGHT - _BOTTOM}"/>')
    key = " ".join(f'<span><i style="background:var(--c{colours[dag]})"></i>{escape(dag)}</span>' for dag in load)
    over = sum(wanted > slots for wanted in minutes)
    told = f'; <span class="over">beyond them for {over} minutes, in which tasks wait</span>' if over else ""
    return (
        f"<h2>Pool {escape(pool)}: at most {max(minutes):.2g} of {slots} slots, {top:.2g} averaged over an hour{told}"
        f'</h2><div class="wide"><svg viewBox="0 -8 {_WIDTH} {_HEIGHT + 8}" role="img" '
        f'aria-label="load of pool {escape(pool)}">'
        f'{"".join(parts)}</svg></div><p class="key">{key}</p>'
    )


def _largest(load: dict[str, list[float]]) -> dict[str, list[float]]:
    """The largest first; what has no colour of its own is one of "n others"."""
    ordered = sorted(load, key=lambda dag_id: -sum(load[dag_id]))
    if len(ordered) <= _COLOURS:
        return {dag_id: load[dag_id] for dag_id in ordered}
    rest = ordered[_COLOURS - 1 :]
    others = [sum(hour) for hour in zip(*(load[dag_id] for dag_id in rest), strict=True)]
    return {**{dag_id: load[dag_id] for dag_id in ordered[: _COLOURS - 1]}, f"{len(rest)} others": others}


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


def _tick(hour: int, width: float, begin: datetime, every: int) -> str:
    x, moment = _LEFT + hour * width, begin + timedelta(hours=hour)
    label = f"{moment:%H:%M}" if moment.hour else f"{moment:%a %d %b}" if every > 3 else f"{moment:%a %d}"
    if x > _WIDTH - 60:
        label = ""  # it would be cut off
    return (
        f'<line class="axis" x1="{x:.1f}" x2="{x:.1f}" y1="0" y2="{_HEIGHT - _BOTTOM}"/>'
        f'<text x="{x + 3:.1f}" y="{_HEIGHT - 8}">{label}</text>'
    )


def _y(value: float, scale: float) -> float:
    return (_HEIGHT - _BOTTOM) * (1 - value / scale)

"""The log of a task or of a whole run, as Airflow keeps it (a lane's container writes into it), once or to the end.

Airflow gives a log as a list of lines from several places (worker, triggerer) sorted by time, so that a later look may
have new lines in the middle. What was shown is remembered as a whole, and each line is shown once. An attempt writes on
after Airflow knows how it ended (callbacks, what a worker still hands over), and may be followed by the next one before
we look again: it is read until a look that finds nothing new, whatever came after it.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

from ops.airflow_state.rest import AirflowRest
from ops.errors import UserError
from ops.runs.lookup import ENDED, TASK_ENDED, dag_details, find_run, label, run_path, task_instances, task_path

POLL_SECONDS = 3.0
_TOO_LONG = (
    "MWAA passes on at most 6 MB within 10 s: read a longer log in CloudWatch, group airflow-<environment>-Task, "
    "or the container's own in /tasklane/<env>/<lane>"
)
Show = Callable[[str, str], None]  # task, line
type Attempt = tuple[str, int]  # task, with its map index, and number


def split_name(rest: AirflowRest, name: str) -> tuple[str, str]:
    """(DAG, task) of `dag` or `dag.task`; both may have dots in them: the longest DAG id that exists wins."""
    known = {dag["dag_id"] for dag in rest.all("/dags", "dags")}
    parts = name.split(".")
    for count in range(len(parts), 0, -1):
        if (dag_id := ".".join(parts[:count])) in known:
            return dag_id, ".".join(parts[count:])
    dag_details(rest, parts[0])  # says which DAGs are called alike
    raise UserError(f"{name!r} names no DAG and no task; write DAG or DAG.TASK")


def show_logs(
    rest: AirflowRest, dag_id: str, run_id: str, task_id: str, show: Show, *, attempt: int = 0, follow: bool = False
) -> str:
    """The state of the run (or of the task) at the end. `attempt` 0 is the newest. UserError for unknown names."""
    run = find_run(rest, dag_id, run_id)
    seen: dict[Attempt, Counter[str]] = {}
    finished: set[Attempt] = set()
    while True:
        state = _run_state(rest, run) if not task_id else ""
        tasks = _tasks(rest, run, task_id)
        _refuse_later(tasks, attempt, follow)
        for task in tasks:
            for number in [attempt] if attempt else _to_read(task, seen):
                key = (label(task), number)
                if key in finished:
                    continue
                before = key in seen
                shown = seen.setdefault(key, Counter())
                new = list(new_lines(shown, read_log(rest, task, number)))
                for line in new:
                    show(label(task), line)
                if before and not new and _is_over(task, number):
                    finished.add(key)
        if task_id:
            states = {str(task["state"]) for task in tasks}
            state = states.pop() if len(states) == 1 else "failed" if "failed" in states else "running"
        if not follow or (state in (*ENDED, *TASK_ENDED) and set(seen) <= finished):
            return state
        time.sleep(POLL_SECONDS)


def _to_read(task: dict[str, Any], seen: dict[Attempt, Counter[str]]) -> range:
    """Attempts from the first that was seen to the newest: those between two looks too."""
    first = min((number for name, number in seen if name == label(task)), default=task["try_number"])
    return range(max(1, first), task["try_number"] + 1)


def _is_over(task: dict[str, Any], number: int) -> bool:
    return number < task["try_number"] or task["state"] in TASK_ENDED


def _refuse_later(tasks: list[dict[str, Any]], attempt: int, follow: bool) -> None:
    """An attempt that is still to come may be waited for, unless nothing will make it."""
    if any(task["try_number"] >= attempt or (follow and not _is_over(task, attempt)) for task in tasks):
        return
    most = max(task["try_number"] for task in tasks)
    raise UserError(f"--try {attempt}: there is no such attempt; allowed: 1 to {most}" if most else
                    f"--try {attempt}: the task has not run yet")  # fmt: skip


def read_log(rest: AirflowRest, task: dict[str, Any], attempt: int) -> list[str]:
    """The lines of one attempt; empty while there is none."""
    query: dict[str, Any] = {"full_content": "true"}
    query |= {"map_index": task["map_index"]} if task["map_index"] >= 0 else {}
    try:
        answer = rest.find(f"{task_path(task)}/logs/{attempt}", query=query)
    except UserError as error:
        raise UserError(f"{error}\n{_TOO_LONG}") from error
    if answer is not None and "content" not in answer:  # cut off at 6 MB, it is no document
        raise UserError(f"the log of {label(task)}, try {attempt}, does not come through whole\n{_TOO_LONG}")
    return [] if answer is None else [text for record in answer["content"] for text in lines_of(record)]


def lines_of(record: Any) -> Iterator[str]:
    """A record as text: time, level where it is a warning or worse, message; an exception with its frames."""
    if not isinstance(record, dict):
        yield str(record)
        return
    event = str(record.get("event", ""))
    if event.startswith(("::group::", "::endgroup::")):
        return
    level = str(record.get("level", "")).upper()
    moment = str(record.get("timestamp") or "")[:19].replace("T", " ")
    yield " ".join(part for part in (moment, level if level not in ("", "INFO", "DEBUG") else "", event) if part)
    for error in record.get("error_detail") or []:
        for frame in error.get("frames") or []:
            yield f"    {frame.get('filename')}:{frame.get('lineno')} in {frame.get('name')}"
        yield f"    {error.get('exc_type')}: {error.get('exc_value')}"


def new_lines(shown: Counter[str], lines: list[str]) -> Iterator[str]:
    """Those that were not shown yet, a line that stands there twice as often as it stands there; remembers them."""
    found: Counter[str] = Counter()
    for line in lines:
        found[line] += 1
        if found[line] > shown[line]:
            shown[line] += 1
            yield line


def _run_state(rest: AirflowRest, run: dict[str, Any]) -> str:
    return str(rest.call("GET", run_path(run["dag_id"], run["dag_run_id"]))["state"])


def _tasks(rest: AirflowRest, run: dict[str, Any], task_id: str) -> list[dict[str, Any]]:
    tasks = task_instances(rest, run["dag_id"], run["dag_run_id"])
    chosen = [task for task in tasks if task_id in ("", task["task_id"])]
    if not chosen:
        known = ", ".join(sorted({task["task_id"] for task in tasks})) or "none"
        raise UserError(f"run {run['dag_run_id']} of {run['dag_id']} has no task {task_id!r} (it has {known})")
    return sorted(chosen, key=lambda task: (task["start_date"] or "9", task["task_id"], task["map_index"]))

"""Run by the Python of an Airflow environment: import each DAG file in a process of its own and say what was found.

Arguments: the DAG folder. Output: one JSON document. Of ours it imports only the DAG kit in that folder. Each file is
parsed in a fork of one parent that has imported Airflow, as the DAG processor does; opening a socket there is an error.
"""

import json
import os
import sys
import time
import traceback
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

FORBIDDEN = ("socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "socket.sendto")


class NetworkAtParse(Exception):
    """A DAG file opened a connection while it was imported."""


def main(folder: Path) -> None:
    from airflow.sdk import DAG  # noqa: F401 (before forking)

    try:
        from airflow.dag_processing.dagbag import DagBag
    except ImportError:  # Airflow 3.0
        from airflow.models.dagbag import DagBag
    begun = time.process_time()
    files = [parse(DagBag, folder, path) for path in dag_paths(folder)]
    json.dump({"files": files, "parent_cpu_seconds": time.process_time() - begun}, sys.stdout)


def dag_paths(folder: Path) -> Iterator[Path]:
    """What the DAG processor looks at: .airflowignore is obeyed, files that mention no DAG are skipped."""
    from airflow.utils.file import list_py_file_paths

    yield from sorted(Path(path) for path in list_py_file_paths(str(folder)))


def parse(bag_class: Any, folder: Path, path: Path) -> dict[str, Any]:
    """Fork, import, report through a pipe."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        with os.fdopen(writing, "w") as pipe:
            json.dump(in_child(bag_class, folder, path), pipe)
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        text = pipe.read()
    _pid, status = os.waitpid(child, 0)
    if not text:
        code = os.waitstatus_to_exitcode(status)
        return {"file": str(path.relative_to(folder)), "error": f"the import ended the process (exit code {code})"}
    found: dict[str, Any] = json.loads(text)
    return found


def in_child(bag_class: Any, folder: Path, path: Path) -> dict[str, Any]:
    os.dup2(2, 1)  # what a DAG file prints must not end up in our document
    result: dict[str, Any] = {"file": str(path.relative_to(folder)), "error": "", "dags": []}
    sys.addaudithook(refuse_network)
    begun = time.process_time()
    try:
        bag = bag_class(dag_folder=str(path), include_examples=False)
    except Exception:  # noqa: BLE001 (whatever it is, the author must see it)
        result["error"] = traceback.format_exc()
        return result
    result["cpu_seconds"] = round(time.process_time() - begun, 3)
    result["error"] = "\n".join(str(error) for error in bag.import_errors.values())
    result["dags"] = [describe(dag) for dag in bag.dags.values()]
    return result


def refuse_network(event: str, arguments: tuple[Any, ...]) -> None:
    if event in FORBIDDEN and not (event == "socket.connect" and isinstance(arguments[1], str | bytes)):
        raise NetworkAtParse(f"{event}{arguments[1:]}: a DAG file must not use the network when it is imported")


def describe(dag: Any) -> dict[str, Any]:
    return {
        "dag_id": dag.dag_id,
        "tags": sorted(dag.tags),
        "doc": dag.doc_md or "",
        "catchup": bool(dag.catchup),
        "max_active_runs": dag.max_active_runs,
        # What lanes.dag was given, before the environment switched it off; None: run by hand, or another's DAG.
        "schedule": show_schedule(getattr(dag, "declared_schedule", None)),
        "tasks": [describe_task(task) for task in dag.tasks],
    }


def describe_task(task: Any) -> dict[str, Any]:
    """`override_characters`: what a task in a container would send with RunTask, without what is added at run time."""
    from lanes.team_dag import facts  # the DAG kit of the folder that is judged

    arguments = getattr(task, "partial_kwargs", None) or vars(task)  # a mapped task has its arguments there
    command, environment = arguments.get("command"), arguments.get("environment")
    container = isinstance(command, list)
    size = len(json.dumps({"command": command, "environment": environment}, default=str)) if container else 0
    return {
        **asdict(facts(task)),
        "override_characters": size,
    }


def show_schedule(schedule: Any) -> str | None:
    return None if schedule is None else str(schedule)


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve())

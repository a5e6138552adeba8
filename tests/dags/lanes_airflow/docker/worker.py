"""A worker: the operator in a process of its own, killed as Airflow's supervisor kills it (task_runner._on_term).

Arguments: a JSON document with `command`, `try_number`, `attempt_id` and `arguments` of run_task. Writes to its output
the lines of the task's log, and last a JSON document with what came of it.
"""

import json
import logging
import signal
import sys
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace

ROOT = Path(__file__).resolve().parents[4]
sys.path[:0] = [str(ROOT), str(ROOT / "dags")]


def main(asked: dict) -> int:
    from airflow.exceptions import AirflowFailException

    from lanes import run_task

    logging.basicConfig(stream=sys.stdout, level=logging.INFO, format="%(message)s")
    arguments = asked.get("arguments", {})
    if seconds := arguments.pop("timeout_seconds", None):
        arguments["execution_timeout"] = timedelta(seconds=seconds)
    task = run_task("probe", task_id="work", command=asked["command"], **arguments)
    signal.signal(signal.SIGTERM, lambda *_: task.on_kill())
    xcoms: dict = {}
    names = {"dag_id": "d", "run_id": asked["run_id"], "task_id": "work", "map_index": -1}
    ti = SimpleNamespace(
        **names, try_number=asked["try_number"], id=asked["attempt_id"], max_tries=3,
        xcom_push=lambda key, value: xcoms.update({key: value}),
    )  # fmt: skip
    context = {"ti": ti, "dag_run": SimpleNamespace(start_date=1, run_after=2, conf={})}
    ended: dict = {}
    try:
        ended["result"] = task.execute(context)
    except BaseException as error:  # noqa: BLE001 (all ends are reported)
        ended |= {"error": str(error), "class": type(error).__name__}
        ended["retried"] = not isinstance(error, AirflowFailException)
    print(json.dumps({**ended, "xcoms": xcoms}), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(json.loads(sys.argv[1])))

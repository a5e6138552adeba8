"""Says in the log of every task which release it runs: whoever reads it knows what to compare and to roll back."""

import json
import logging
from functools import cache
from pathlib import Path
from typing import Any

from airflow.configuration import conf
from airflow.listeners import hookimpl
from airflow.plugins_manager import AirflowPlugin

_log = logging.getLogger("airflow.task")


@cache
def running_release() -> str:
    """The release in the manifest beside the DAGs; the reason in its place when it cannot be read."""
    path = Path(conf.get_mandatory_value("core", "dags_folder")) / "manifest.json"
    try:
        manifest = json.loads(path.read_text())
        return f"{manifest['release']} of environment {manifest['environment']}"
    except (OSError, ValueError, KeyError) as error:  # a log line must not fail a task
        return f"unknown ({path}: {error})"


class _Listener:
    @hookimpl
    def on_task_instance_running(self, previous_state: Any, task_instance: Any) -> None:
        """Called in the process of the task, whose log this is."""
        _log.info("Tasklane release %s", running_release())


class TasklaneRelease(AirflowPlugin):
    """Registers the listener."""

    name = "tasklane_release"
    listeners = [_Listener()]  # noqa: RUF012 (Airflow's interface)

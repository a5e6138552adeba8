"""The LocalExecutor, sound with deferrable operators, and quick to start tasks. Runs in Airflow's virtual environment.

Airflow 3.0.6 and 3.2.1: a worker process reports "success" when a task has *deferred*. If the trigger fires before the
scheduler reads that report, the task is queued again, the stale report looks like a task that ended without saying so,
and the scheduler fails it (28 of 100 tasks with 50 ms deferrals). The task's real state always comes from the task
itself, through the API server; the report adds nothing when it says "success", so it is dropped. MWAA's CeleryExecutor
reads its reports from a result backend in order and is not patched by us.
"""

import gc
import importlib
from typing import Any

from airflow.executors.local_executor import LocalExecutor

# Loaded once here, inherited by every forked task: the first import of the ECS operator costs 3 s of CPU.
_PREIMPORTED = (
    "boto3",
    "airflow.providers.amazon.aws.operators.ecs",
    "airflow.providers.standard.decorators.python",
    "airflow.providers.standard.operators.trigger_dagrun",
    "airflow.sdk.execution_time.task_runner",
    "airflow.models.dagbag",
)


class DeferralSafeLocalExecutor(LocalExecutor):
    """See the module's docstring."""

    def start(self) -> None:
        for module in _PREIMPORTED:
            importlib.import_module(module)
        gc.collect()
        gc.freeze()
        super().start()

    def get_event_buffer(self, dag_ids: Any = None) -> Any:
        events = super().get_event_buffer(dag_ids)
        return {key: value for key, value in events.items() if str(value[0]) != "success"}

"""Fan-out over child DAG runs: one per batch of a manifest, created by one task, awaited by one trigger.

Built on TriggerDagRunOperator (same fields, same link to the child DAG), with what its retries get wrong put right:
run ids are deterministic and carry no logical date, so a retry or a clear of this task finds the children of the first
attempt: those that run are awaited, those that succeeded are kept, those that failed run again.
"""

from __future__ import annotations

import time
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow.providers.standard.operators.trigger_dagrun import TriggerDagRunOperator

from lanes.airflow_errors import AirflowException, AirflowFailException
from lanes.fan_outs.child_runs.dispatch import ChildRuns, Order
from lanes.fan_outs.link import FanOutLink
from lanes.fan_outs.manifest import read_manifest, read_resumed, sha_of
from lanes.fan_outs.state import QUARANTINED, FanOutState, Tolerance, describe, summary
from lanes.fan_outs.trigger import SUMMARY_KEY, FanOutTrigger

if TYPE_CHECKING:
    from airflow.sdk.definitions.context import Context

    from lanes.fan_outs.array_jobs.operator import ArrayFanOut

INFO_KEY = "fan_out"


class FanOut(TriggerDagRunOperator):
    """Run the child DAG once per batch of the manifest at `manifest_uri` and wait for all of them.

    Each child gets `conf = {"manifest": <uri>, "batch": <index>, "size": <size or None>}`. Returns the manifest's URI.
    `max_parallel` children are open at a time, heaviest batches first (0: all at once; pools and the child DAG's
    max_active_runs hold as well). `max_failed` of them may fail, a number or a fraction; batches of nothing but bad
    input do not count where `quarantine` is true. Both may be templates. What is missing then is in the XCom
    `fan_out_summary`. Otherwise it fails with the failed runs by class; a retry runs only those again.
    """

    template_fields = ("trigger_dag_id", "manifest_uri", "max_parallel", "max_failed")
    operator_extra_links = [FanOutLink(), *TriggerDagRunOperator.operator_extra_links]  # noqa: RUF012 (Airflow's)

    def __init__(
        self,
        *,
        trigger_dag_id: str,
        manifest_uri: str,
        max_parallel: int | str = 0,
        max_failed: float | str = 0,
        quarantine: bool = True,
        poll: timedelta = timedelta(seconds=5),
        **kwargs: Any,
    ) -> None:
        super().__init__(trigger_dag_id=trigger_dag_id, logical_date=None, deferrable=True, **kwargs)
        self.manifest_uri = manifest_uri
        self.max_parallel = max_parallel
        self.max_failed = max_failed
        self.quarantine = quarantine
        self.poll = poll
        if not isinstance(max_failed, str):
            Tolerance(max_failed, quarantine)  # refuses nonsense when the DAG is parsed

    def execute(self, context: Context) -> Any:
        """Dispatch from the start: adopt what exists, start what does not, repeat what failed."""
        manifest, _ = read_manifest(self.manifest_uri)
        dispatch = self._dispatch(context)
        context["ti"].xcom_push(key=INFO_KEY, value={**self._info(manifest), **dispatch.info()})
        if not manifest["batches"]:
            self.log.info("nothing to do: every item of %s already has its result", self.manifest_uri)
            return self.manifest_uri
        dispatch.refuse()
        state = FanOutState([batch["index"] for batch in manifest["batches"]])
        self._adopt(dispatch, state)
        self._go_on(context, dispatch, state, manifest, started_at=time.time())

    def _adopt(self, dispatch: ChildRuns, state: FanOutState) -> None:
        """Take over the batches of earlier attempts that succeeded, are open, or are quarantined."""
        found = dispatch.adopt(state.waiting, quarantine=self.quarantine)
        state.succeeded, state.running = found.succeeded, found.open
        state.failed = dict.fromkeys(found.quarantined, QUARANTINED)
        state.waiting = [i for i in state.waiting if i not in {*state.succeeded, *state.running, *state.failed}]
        if any(found):
            self.log.info(
                "adopted from an earlier attempt: %d succeeded, %d open, %d quarantined", *(len(part) for part in found)
            )

    def conclude(self, context: Context, event: dict[str, Any] | str) -> Any:
        """Called in a worker for everything but success, which ends in the triggerer (see FanOutTrigger)."""
        if isinstance(event, str):  # `airflow dags test` resumes here with the name of the end state
            return self.manifest_uri
        if event["try_number"] != context["ti"].try_number:
            # Airflow 3.0.6 keeps the resume method and event of a failed attempt, so that its retry ends here.
            return self.execute(context)
        state, dispatch = FanOutState.from_dict(event["state"]), self._dispatch(context)
        if event["outcome"] == "paused":
            raise AirflowFailException(dispatch.stalled())
        if event["outcome"] == "more":
            manifest, _ = read_manifest(self.manifest_uri)
            return self._go_on(context, dispatch, state, manifest, started_at=event["started_at"])
        return self._end(context, dispatch, state)

    def _go_on(
        self,
        context: Context,
        dispatch: ChildRuns,
        state: FanOutState,
        manifest: dict[str, Any],
        *,
        started_at: float,
    ) -> None:
        """Start as many as there is room for, and defer until there is room for more, or all have ended."""
        max_parallel = int(self.max_parallel)
        planned = {batch["index"]: batch for batch in manifest["batches"]}
        indexes = state.dispatched(state.room(max_parallel))
        done = dispatch.start([planned[index] for index in indexes])
        if indexes:  # the operator's own "Triggered DAG" link
            context["ti"].xcom_push(key="trigger_run_id", value=dispatch.name_of(indexes[0]))
        told = ", ".join(f"{count} {outcome}" for outcome, count in sorted(done.items()))
        self.log.info("batches for %s: %s; %d in all", self.trigger_dag_id, told or "none", len(planned))
        trigger = FanOutTrigger(
            facts=dispatch.facts(),
            task=_name_of(context),
            manifest_uri=self.manifest_uri,
            state=state.to_dict(),
            max_parallel=max_parallel,
            max_failed=float(self.max_failed),
            quarantine=self.quarantine,
            poll_seconds=self.poll.total_seconds(),
            started_at=started_at,
            resume_on_success=bool(self.outlets),
        )
        self.defer(trigger=trigger, method_name="conclude")

    def _end(self, context: Context, dispatch: ChildRuns, state: FanOutState) -> str:
        tolerance = Tolerance(float(self.max_failed), self.quarantine)
        context["ti"].xcom_push(key=SUMMARY_KEY, value=summary(state, tolerance))
        if not tolerance.exceeded(state):
            return self.manifest_uri
        text = describe(self.trigger_dag_id, state, tolerance, dispatch.name_of)
        hopeless = set(tolerance.counted(state).values()) == {QUARANTINED}
        raise (AirflowFailException if hopeless else AirflowException)(text)

    def _dispatch(self, context: Context) -> ChildRuns:
        order = Order(
            target=self.trigger_dag_id,
            task=_name_of(context),
            manifest_uri=self.manifest_uri,
            manifest_sha=sha_of(self.manifest_uri),
            resumed=read_resumed(self.manifest_uri, context["run_id"]),
        )
        return ChildRuns(order)

    def _info(self, manifest: dict[str, Any]) -> dict[str, Any]:
        """What the page and `tasklane fanout` need to know of the plan; ChildRuns.info says where its batches are."""
        return {
            "manifest": self.manifest_uri,
            "batches": len(manifest["batches"]),
            "items": len(manifest["items"]),
            "max_parallel": int(self.max_parallel),
            "max_failed": float(self.max_failed),
            "quarantine": self.quarantine,
        }


def _name_of(context: Context) -> dict[str, Any]:
    ti = context["ti"]
    names = {"dag_id": ti.dag_id, "run_id": ti.run_id, "task_id": ti.task_id, "try_number": ti.try_number}
    return {**names, "map_index": -1 if ti.map_index is None else ti.map_index}


def fan_out(
    child_dag_id: str | None = None,
    manifest_uri: Any = None,
    *,
    task_id: str = "fan_out",
    engine: str = "runs",
    task: str = "",
    **kwargs: Any,
) -> FanOut | ArrayFanOut:
    """One piece of work per batch of the manifest; returns the task.

    `engine="runs"`: one run of `child_dag_id` per batch; for `kwargs` see FanOut. `engine="array"`: AWS Batch array
    jobs of the lane `task`, no child DAG; `command` and other `kwargs` as in ArrayFanOut. `manifest_uri` is a string, a
    template or the output of the task that plans.
    """
    if engine == "array":
        from lanes.fan_outs.array_jobs.operator import ArrayFanOut

        if child_dag_id is not None or not task:
            raise ValueError(f"task {task_id!r}: engine='array' takes task=<a batch lane> instead of a child DAG")
        return ArrayFanOut(task_id=task_id, name=task, manifest_uri=manifest_uri, **kwargs)
    if engine != "runs":
        raise ValueError(f"task {task_id!r}: engine {engine!r} is none of runs, array")
    if child_dag_id is None or task:
        raise ValueError(f"task {task_id!r}: fan_out takes a child DAG, or engine='array' and task=<a batch lane>")
    return FanOut(task_id=task_id, trigger_dag_id=child_dag_id, manifest_uri=manifest_uri, **kwargs)


def if_partial(task_id: str, word: str) -> str:
    """A template: `word` where the fan-out `task_id` went on without some batches, else nothing."""
    summary_of = f"(ti.xcom_pull({task_id!r}, key={SUMMARY_KEY!r}) or {{}})"
    return f"{{{{ {word!r} if {summary_of}.get('state') == 'partial' else '' }}}}"

"""RunTask without a worker: the scheduler defers the task at once, and this trigger makes the request itself.

Airflow 3.0 only (`start_from_trigger`; switched off in the scheduler of 3.2). The worker that a child run of a fan-out
otherwise starts, to render three templates and to defer, costs four times as much CPU as the rest of the run. The
trigger knows the names of its task and nothing else; the fan-out's handout in S3 gives it the conf of the run.
"""

from __future__ import annotations

import asyncio
import contextvars
import json
import logging
from collections.abc import AsyncIterator
from functools import lru_cache
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from airflow.triggers.base import BaseTrigger, TriggerEvent

from lanes.attempts.identity import Attempt
from lanes.aws.shared import shared
from lanes.ecs.launch import EcsLaunch, launch_of
from lanes.ecs.params_only import check, render
from lanes.ecs.trigger import RunTaskTrigger
from lanes.fan_outs.child_runs.handout import child_conf, child_name, handout_key
from platform_spec.fan_out_resume import Resumed, resume_uri
from platform_spec.manifest import Manifest

if TYPE_CHECKING:
    from lanes.ecs.operator import RunTask

log = logging.getLogger(__name__)

TRIGGER = "lanes.ecs.from_trigger.RunTaskFromTrigger"
_HANDOUTS_KEPT = 64
Handout = dict[str, Any]
_handouts: WeakKeyDictionary[Any, dict[str, asyncio.Task[Handout]]] = WeakKeyDictionary()


class RunTaskFromTrigger(BaseTrigger):
    """`task` is what RunTask.for_trigger wrote: JSON, because Airflow's own encoding of nested values changes."""

    def __init__(self, task: str, **newer: Any) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._kwargs = {"task": task, **newer}

    def serialize(self) -> tuple[str, dict[str, Any]]:
        return TRIGGER, self._kwargs

    async def run(self) -> AsyncIterator[TriggerEvent]:
        ti: Any = self.task_instance
        try:
            launch, since = await self._prepare(ti)
        except Exception as error:  # noqa: BLE001 (whatever it is: nothing has been started, and a worker can say it better)
            log.info("a worker makes the request: %s: %s", type(error).__name__, error)
            yield TriggerEvent({"execute": True, "try_number": ti.try_number})
            return
        log.info("Tasklane release %s: %s", launch.environment["TASKLANE_RELEASE"], " ".join(launch.command))
        async for event in RunTaskTrigger(launch.to_dict(), prepared_at=since).run():
            yield event

    async def _prepare(self, ti: Any) -> tuple[EcsLaunch, float]:
        """The request as a worker would have made it, and the oldest moment at which it may have been sent."""
        if ti.try_number > 1:
            raise LookupError("only the run's own conf says which containers of earlier attempts to go on with")
        task, manifest = _parsed(self._kwargs["task"])
        child = child_name(ti.run_id)
        if child is None:
            raise LookupError(f"run {ti.run_id} belongs to no fan-out")
        handout = await _handout(task, manifest, handout_key(ti.dag_id, child.prefix))
        changed = None
        if child.generation:
            text = await _read(task, manifest, resume_uri(handout["manifest"], handout["parent"]["run_id"]))
            changed = Resumed.from_json(text).batches[child.batch]
        conf = child_conf(handout["manifest"], handout["parent"], handout["batches"][child.batch], changed)
        rendered = render(task["templates"], {**task["params"], **conf}, ti.run_id)
        asked: Any = SimpleNamespace(**task["settings"], **rendered, execution_timeout=None)
        launch = launch_of(asked, _attempt(ti), manifest)
        launch.check()
        return launch, float(handout["since"])


def task_of(operator: RunTask, manifest: Manifest) -> str:
    """What the trigger must know of `operator`. ValueError where only a worker could keep what it promises."""
    templates = {name: getattr(operator, name) for name in operator.template_fields}
    check(templates)
    # A pool is none of them: pools count workers (deferred tasks hold no slot), and who needs none waits for none.
    for name in (
        "execution_timeout",
        "max_active_tis_per_dag",
        "outlets",
        "on_success_callback",
        "on_execute_callback",
    ):
        if getattr(operator, name):
            raise ValueError(f"{name} needs a worker")
    named = manifest.model_dump(mode="json")
    known = {"manifest": {**named, "tasks": {operator.name: named["tasks"][operator.name]}}, "templates": templates}
    asked = ("name", "task_id", "result", "tags", "aws_conn_id", "storage_gib")
    settings = {name: getattr(operator, name) for name in asked}
    return json.dumps({**known, "settings": settings, "params": _defaults(operator.params)})


@lru_cache(maxsize=64)
def _parsed(text: str) -> tuple[dict[str, Any], Manifest]:
    """What task_of wrote; a thousand children have it in common."""
    task = dict(json.loads(text))
    return task, Manifest.model_validate(task["manifest"])


def _defaults(params: Any) -> dict[str, Any]:
    """The params' own values; those without one come with every run's conf."""
    values = {name: getattr(param, "value", param) for name, param in params.items()}
    return {name: value for name, value in values.items() if type(value).__name__ != "ArgNotSet"}


def _attempt(ti: Any) -> Attempt:
    """The first attempt (see _prepare): no worker means that none can die over a container, and nothing is adopted."""
    map_index = -1 if ti.map_index is None else ti.map_index
    return Attempt(ti.dag_id, ti.run_id, ti.task_id, map_index, ti.try_number, str(ti.id), f"trigger-{ti.id}")


async def _handout(task: dict[str, Any], manifest: Manifest, key: str) -> Handout:
    """Read once for all children of a fan-out in this process, with the batches of its manifest by index."""
    known = _handouts.setdefault(asyncio.get_running_loop(), {})
    if key not in known or (known[key].done() and known[key].exception() is not None):
        while len(known) >= _HANDOUTS_KEPT:
            known.pop(next(iter(known)))
        # An empty context: what is logged meanwhile does not belong into the log of the task that came first.
        known[key] = asyncio.create_task(_fetch(task, manifest, key), context=contextvars.Context())
    return await asyncio.shield(known[key])


async def _fetch(task: dict[str, Any], manifest: Manifest, key: str) -> Handout:
    handout = dict(json.loads(await _read(task, manifest, f"s3://{manifest.data_bucket}/{key}")))
    plan = json.loads(await _read(task, manifest, handout["manifest"]))
    return {**handout, "batches": {batch["index"]: batch for batch in plan["batches"]}}


async def _read(task: dict[str, Any], manifest: Manifest, uri: str) -> bytes:
    ours = await shared(manifest.region, task["settings"]["aws_conn_id"])
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    answer = await ours.calls.call("s3", "get_object", patience=60, Bucket=bucket, Key=key)
    return bytes(await asyncio.to_thread(answer["Body"].read))

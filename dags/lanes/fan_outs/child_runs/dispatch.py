"""Child runs of a fan-out in the worker: adopted, created, repeated."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from lanes.fan_outs.child_runs.handout import child_conf, handout, handout_key
from lanes.fan_outs.child_runs.ids import child_run_id, child_run_prefix
from lanes.fan_outs.child_runs.requests import (
    ensure_child_run,
    existing_children,
    failure_classes,
    paused_message,
    refuse_paused,
)
from lanes.fan_outs.child_runs.states import ChildState
from lanes.fan_outs.manifest import write_once
from lanes.fan_outs.state import QUARANTINED
from platform_spec.fan_out_resume import Resumed


@dataclass(frozen=True)
class Order:
    """One fan-out: `target` is the child DAG, `task` names the waiting task.

    `task` has dag_id, run_id, task_id, map_index and try_number. `resumed` says which batches a person has asked for
    again with other settings.
    """

    target: str
    task: dict[str, Any]
    manifest_uri: str
    manifest_sha: str
    resumed: Resumed


class Adopted(NamedTuple):
    """Batches of earlier attempts, by index. What is in none of them is started."""

    succeeded: list[int]
    open: list[int]
    quarantined: list[int]


class ChildRuns:
    """What FanOut does in the worker with the batches of one manifest, by index."""

    def __init__(self, order: Order) -> None:
        self._order = order

    def refuse(self) -> None:
        """Raise AirflowFailException, with the way out, where no child could ever start."""
        refuse_paused(self._order.target)

    def adopt(self, indexes: Sequence[int], *, quarantine: bool) -> Adopted:
        """What exists of these batches; `quarantine`: those of nothing but bad input are left as they are."""
        run_ids = {index: self.name_of(index) for index in indexes}
        known = existing_children(self._order.target, list(run_ids.values()))
        classes: dict[str, str] = {}
        if quarantine:  # their samples are on record as bad: the same input would end the same way
            ended = [run_id for run_id, child in known.items() if child is ChildState.ENDED]
            classes = failure_classes(self._order.target, ended)
        return Adopted(
            succeeded=[i for i, run_id in run_ids.items() if known.get(run_id) is ChildState.SUCCEEDED],
            open=[i for i, run_id in run_ids.items() if known.get(run_id) in (ChildState.RUNNING, ChildState.WAITING)],
            quarantined=[i for i, run_id in run_ids.items() if classes.get(run_id) == QUARANTINED],
        )

    def start(self, batches: Sequence[Mapping[str, Any]]) -> dict[str, int]:
        """Make these batches of the manifest run; safe to repeat. How often what was done, for the log."""
        self._hand_out()
        run_ids = {batch["index"]: self.name_of(batch["index"]) for batch in batches}
        known = existing_children(self._order.target, list(run_ids.values()))
        done: Counter[str] = Counter()
        for batch in batches:
            run_id = run_ids[batch["index"]]
            done[ensure_child_run(self._order.target, run_id, self._conf(batch), known.get(run_id))] += 1
        return dict(done)

    def name_of(self, index: int) -> str:
        batch = self._order.resumed.batches.get(index)
        generation = batch.generation if batch else 0
        return child_run_id(self._order.task["run_id"], self._order.manifest_sha, index, generation)

    def stalled(self) -> str:
        return paused_message(self._order.target)

    def info(self) -> dict[str, Any]:
        """What the page and `tasklane fanout` need to find the children."""
        prefix = child_run_prefix(self._order.task["run_id"], self._order.manifest_sha)
        return {"engine": "runs", "child_dag_id": self._order.target, "prefix": prefix}

    def facts(self) -> dict[str, Any]:
        """What `watch` needs in the triggerer, as JSON."""
        generations = {str(index): batch.generation for index, batch in self._order.resumed.batches.items()}
        return {
            "child_dag_id": self._order.target,
            "parent_run_id": self._order.task["run_id"],
            "manifest_sha": self._order.manifest_sha,
            "generations": generations,
        }

    def _conf(self, batch: Mapping[str, Any]) -> dict[str, Any]:
        changed = self._order.resumed.batches.get(batch["index"])
        return child_conf(self._order.manifest_uri, self._order.task, batch, changed)

    def _hand_out(self) -> None:
        """Before the first child exists; the first one written stays."""
        bucket = self._order.manifest_uri.removeprefix("s3://").partition("/")[0]
        key = handout_key(self._order.target, self.info()["prefix"])
        write_once(f"s3://{bucket}/{key}", handout(self._order.manifest_uri, self._order.task, time.time()))

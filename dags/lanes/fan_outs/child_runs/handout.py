"""What a fan-out hands to all of its children: one small object in S3, found from nothing but a child's run id. Pure.

A task that starts directly in the triggerer has no worker that could read its run's conf, and Airflow 3.0.6 tells a
trigger no more than the task's names. The handout, the manifest and (for a resumed batch) the resume file say the rest.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from platform_spec.fan_out_resume import ResumedBatch

_CHILD = re.compile(r"(?P<prefix>.+__b)(?P<index>\d{5,})(?:__r(?P<generation>\d+))?")


class ChildName(NamedTuple):
    prefix: str
    batch: int
    generation: int


def child_name(run_id: str) -> ChildName | None:
    """The parts of a child's run id (ids.child_run_id); None for the run of nobody's fan-out."""
    match = _CHILD.fullmatch(run_id)
    return ChildName(match["prefix"], int(match["index"]), int(match["generation"] or 0)) if match else None


def handout_key(child_dag_id: str, prefix: str) -> str:
    return f"fanout/handouts/{hashlib.sha256(f'{child_dag_id}\n{prefix}'.encode()).hexdigest()}.json"


def handout(manifest_uri: str, parent: Mapping[str, Any], now: float) -> dict[str, Any]:
    """Written once, before the first child is created: `since` is older than every child."""
    named = {name: value for name, value in parent.items() if name != "try_number"}
    return {"manifest": manifest_uri, "parent": named, "since": now}


def child_conf(
    manifest_uri: str, parent: Mapping[str, Any], batch: Mapping[str, Any], changed: ResumedBatch | None
) -> dict[str, Any]:
    """The conf of the child run of `batch`, an entry of the manifest; `changed` is how a person resumed it."""
    conf = {"manifest": manifest_uri, "batch": batch["index"], "size": batch["size"]}
    if changed and changed.size:
        conf["size"] = changed.size
    if changed and changed.capacity:
        conf["capacity"] = changed.capacity
    return {**conf, "fan_out": {name: value for name, value in parent.items() if name != "try_number"}}

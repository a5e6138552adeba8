"""The plan of a fan-out: items in, balanced batches out, as one manifest. Pure: the same items give the same bytes.

Task images read the manifest as JSON (docs/fan-out-manifest.md), so its form changes only with `schema_version`.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from math import ceil
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

SCHEMA_VERSION = 1


class PlanError(ValueError):
    """Limits or items that no plan can satisfy; the message names the value and the fix."""


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Item(_Model):
    """One unit of work (a sample). `result` is a content-addressed URI stem, `files` the URIs it is made from.

    `problem` says why the item cannot be worked on; the lane records it instead of a result, by name.
    """

    key: Annotated[str, Field(min_length=1)]
    bytes: Annotated[int, Field(ge=0)]
    files: tuple[str, ...] = ()
    result: str = ""
    problem: str = ""


class PlannedItem(Item):
    """An item with its batch; None when its result already exists."""

    batch: int | None = None


class Batch(_Model):
    """The items of one child run; `size` is a size of task.toml, None for the task's default."""

    index: int
    size: str | None = None
    bytes: int
    items: int


class Limits(_Model):
    """What one batch may hold. `batch_bytes` yields to `batch_items`=1: an item larger than it gets a batch alone."""

    batch_items: Annotated[int, Field(ge=1)] = 24
    batch_bytes: Annotated[int, Field(ge=1)] = 4 * 1024**3


class FanOutManifest(_Model):
    """Everything the child runs and the gather step need to know, written once to S3 under its own hash."""

    schema_version: int = SCHEMA_VERSION
    dag_id: str
    parameters: Mapping[str, str | int | float | bool]
    items: tuple[PlannedItem, ...]
    batches: tuple[Batch, ...]

    def to_json(self) -> str:
        return json.dumps(self.model_dump(mode="json"), indent=1, sort_keys=True, ensure_ascii=False) + "\n"

    def sha256(self) -> str:
        return hashlib.sha256(self.to_json().encode()).hexdigest()


def plan(
    dag_id: str,
    items: Iterable[Item],
    *,
    done: frozenset[str] = frozenset(),
    limits: Limits | None = None,
    parameters: Mapping[str, str | int | float | bool] | None = None,
    size: str | None = None,
) -> FanOutManifest:
    """Balance `items` whose key is not in `done` over as few batches as `limits` allow.

    Longest processing time first (Graham 1969): the largest item goes to the batch with the fewest bytes that has
    room, which stays within 4/3 of the best balance. Order of `items` does not matter. PlanError on a repeated key.
    """
    limits = limits or Limits()
    ordered = sorted(items, key=lambda item: item.key)
    twice = sorted({a.key for a, b in pairwise(ordered) if a.key == b.key})
    if twice:
        raise PlanError(f"item keys must be unique, these are not: {', '.join(twice[:5])}; rename the samples")
    placed = _balance([item for item in ordered if item.key not in done], limits)
    batch_of = {item.key: index for index, batch in enumerate(placed) for item in batch}
    return FanOutManifest(
        dag_id=dag_id,
        parameters=dict(parameters or {}),
        items=tuple(PlannedItem(**item.model_dump(), batch=batch_of.get(item.key)) for item in ordered),
        batches=tuple(
            Batch(index=index, size=size, bytes=sum(item.bytes for item in batch), items=len(batch))
            for index, batch in enumerate(placed)
        ),
    )


def _balance(items: Sequence[Item], limits: Limits) -> list[list[Item]]:
    if not items:
        return []
    total = sum(item.bytes for item in items)
    count = max(ceil(len(items) / limits.batch_items), ceil(total / limits.batch_bytes), 1)
    batches: list[list[Item]] = [[] for _ in range(min(count, len(items)))]
    loads = [0] * len(batches)
    for item in sorted(items, key=lambda item: (-item.bytes, item.key)):
        room = [
            i
            for i, batch in enumerate(batches)
            if not batch or (len(batch) < limits.batch_items and loads[i] + item.bytes <= limits.batch_bytes)
        ]
        if not room:
            batches.append([])
            loads.append(0)
            room = [len(batches) - 1]
        target = min(room, key=lambda i: (loads[i], len(batches[i]), i))
        batches[target].append(item)
        loads[target] += item.bytes
    return batches

"""The plan of a fan-out: items in, balanced batches out, as one manifest. Pure: the same items give the same bytes.

Task images read the manifest as JSON (docs/fan-out-manifest.md), so its form changes only with `schema_version`.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from math import ceil
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field

from platform_spec.fan_out_balance import Load, Room, assign, batch_count

SCHEMA_VERSION = 1
GIB = 1024**3
Scalar = str | int | float | bool


class PlanError(ValueError):
    """Limits or items that no plan can satisfy; the message names the value and the fix."""


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Item(_Model):
    """One unit of work (a sample). `result` is a content-addressed URI stem, `files` the URIs it is made from.

    `weight` is what is balanced where bytes do not tell how long the item takes; 0 means its bytes. `problem` says why
    the item cannot be worked on; the lane records it instead of a result, by name. `layout` is a word of the task image
    for how `files` belong together (a sample's lanes and mates), empty where their number tells.
    """

    key: Annotated[str, Field(min_length=1)]
    bytes: Annotated[int, Field(ge=0)]
    weight: Annotated[float, Field(ge=0)] = 0.0
    files: tuple[str, ...] = ()
    result: str = ""
    problem: str = ""
    layout: str = ""


class PlannedItem(Item):
    """An item with its batch; None when its result already exists."""

    batch: int | None = None


class Batch(_Model):
    """The items of one child run; `size` is a size of task.toml, None for the task's default."""

    index: int
    size: str | None = None
    bytes: int
    items: int


class Pace(_Model):
    """How long work takes: seconds per batch (start of the container included), per item, and per GiB of input."""

    batch_seconds: Annotated[float, Field(ge=0)] = 45.0
    item_seconds: Annotated[float, Field(ge=0)] = 0.0
    gib_seconds: Annotated[float, Field(ge=0)] = 0.0

    def seconds(self, items: int, size_bytes: int) -> float:
        return self.batch_seconds + self.work_seconds(items, size_bytes)

    def work_seconds(self, items: int, size_bytes: int) -> float:
        return items * self.item_seconds + size_bytes / GIB * self.gib_seconds


class Limits(_Model):
    """What one batch may hold. `batch_bytes` yields to `batch_items`=1: an item larger than it gets a batch alone.

    `target_minutes` is how long a batch should take, by `pace`: a goal, not a bound. `max_parallel` is how many run at
    once: more batches than that are made a multiple of it, so that the last round is full. 0 means no such limit.
    """

    batch_items: Annotated[int, Field(ge=1)] = 24
    batch_bytes: Annotated[int, Field(ge=1)] = 4 * GIB
    target_minutes: Annotated[float, Field(ge=0)] = 0.0
    max_parallel: Annotated[int, Field(ge=0)] = 0
    pace: Pace = Pace()


class SizeRule(_Model):
    """A size of task.toml and the largest item it takes, in bytes; None: any."""

    name: str
    max_item_bytes: int | None = None


class FanOutManifest(_Model):
    """Everything the child runs and the gather step need to know, written once to S3 under its own hash."""

    schema_version: int = SCHEMA_VERSION
    dag_id: str
    parameters: Mapping[str, Scalar]
    items: tuple[PlannedItem, ...]
    batches: tuple[Batch, ...]

    def to_json(self) -> str:
        return json.dumps(self.model_dump(mode="json"), indent=1, sort_keys=True, ensure_ascii=False) + "\n"

    def sha256(self) -> str:
        return hashlib.sha256(self.to_json().encode()).hexdigest()

    @classmethod
    def from_json(cls, text: str | bytes) -> Self:
        return cls.model_validate_json(text)


def plan(
    dag_id: str,
    items: Iterable[Item],
    *,
    done: frozenset[str] = frozenset(),
    limits: Limits | None = None,
    parameters: Mapping[str, Scalar] | None = None,
    sizes: Sequence[SizeRule] = (),
) -> FanOutManifest:
    """Distribute `items` whose key is not in `done` over batches within `limits`; batch 0 is the heaviest.

    The order of `items` does not matter, and one more item changes few batches. Each batch gets the first of `sizes`
    that takes its largest item, else the last; None without sizes. PlanError on a repeated key.
    """
    limits = limits or Limits()
    ordered = sorted(items, key=lambda item: item.key)
    twice = sorted({a.key for a, b in pairwise(ordered) if a.key == b.key})
    if twice:
        raise PlanError(f"item keys must be unique, these are not: {', '.join(twice[:5])}; rename the samples")
    todo = [item for item in ordered if item.key not in done]
    loads = [Load(item.key, item.bytes, item.weight or float(item.bytes)) for item in todo]
    placed = assign(loads, _count(todo, limits), Room(limits.batch_items, limits.batch_bytes))
    batch_of = {load.key: index for index, batch in enumerate(placed) for load in batch}
    return FanOutManifest(
        dag_id=dag_id,
        parameters=dict(parameters or {}),
        items=tuple(PlannedItem(**item.model_dump(), batch=batch_of.get(item.key)) for item in ordered),
        batches=tuple(
            Batch(
                index=index,
                size=_size_for(max(load.bytes for load in batch), sizes),
                bytes=sum(load.bytes for load in batch),
                items=len(batch),
            )
            for index, batch in enumerate(placed)
        ),
    )


def _count(items: Sequence[Item], limits: Limits) -> int:
    total = sum(item.bytes for item in items)
    count = max(ceil(len(items) / limits.batch_items), ceil(total / limits.batch_bytes), 1)
    if limits.target_minutes:
        per_batch = max(limits.target_minutes * 60 - limits.pace.batch_seconds, 1.0)
        count = max(count, ceil(limits.pace.work_seconds(len(items), total) / per_batch))
    count = batch_count(count)
    if limits.max_parallel and count > limits.max_parallel:
        count = ceil(count / limits.max_parallel) * limits.max_parallel
    return count


def _size_for(largest_item_bytes: int, sizes: Sequence[SizeRule]) -> str | None:
    for rule in sizes:
        if rule.max_item_bytes is None or largest_item_bytes <= rule.max_item_bytes:
            return rule.name
    return sizes[-1].name if sizes else None

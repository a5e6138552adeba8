"""Batches that a person resumed with another size or on demand: a small file beside the manifest. Pure.

A DAG run keeps the conf it was created with, so other settings need a new child run: the batch's next generation.
"""

import hashlib
from collections.abc import Iterable
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field


class ResumedBatch(BaseModel):
    """`generation` 1 is the first resume. None keeps what the plan or the task says."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    generation: Annotated[int, Field(ge=1)]
    size: str | None = None
    capacity: str | None = None


class Resumed(BaseModel):
    """What was asked for in one parent run; `batches` by index."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    run_id: str
    batches: dict[int, ResumedBatch] = {}

    def again(self, indexes: Iterable[int], *, size: str | None, capacity: str | None) -> Self:
        """The same with the next generation of `indexes`; settings not given now stay as they were."""
        batches = dict(self.batches)
        for index in indexes:
            last = batches.get(index)
            batches[index] = ResumedBatch(
                generation=(last.generation if last else 0) + 1,
                size=size or (last.size if last else None),
                capacity=capacity or (last.capacity if last else None),
            )
        return self.model_copy(update={"batches": batches})

    @classmethod
    def from_json(cls, text: str | bytes) -> Self:
        return cls.model_validate_json(text)


def resume_uri(manifest_uri: str, run_id: str) -> str:
    """Where the file of a parent run lies: beside the manifest, which is under `fanout/`."""
    return f"{manifest_uri.removesuffix('.json')}.{hashlib.sha256(run_id.encode()).hexdigest()[:16]}.resume.json"

"""The state of an array fan-out in S3: what another triggerer goes on from, and what the page and the CLI show.

Only the trigger writes it (ownership.py). An array stands in it before it is submitted, so that whoever goes on knows
whether a submission may have been made (SubmitJob has no client token).
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from dataclasses import asdict, dataclass, field
from typing import Self

from lanes.aws.calls import AwsCalls, CallRefused
from lanes.fan_outs.array_jobs.rows import FIELDS, Row

SCHEMA_VERSION = 1
# S3 answers 403 for a missing key where the caller may not list the bucket's whole content.
_MISSING = ("NoSuchKey", "AccessDenied", "404", "403")
# What S3 says to a conditional write: the object is another one; another process writes it at this moment.
CHANGED = ("PreconditionFailed", "ConditionalRequestConflict")


@dataclass
class Array:
    """One submission. `batches` (array index → batch) lies at `batches_uri`; `job_id` is empty until it is known."""

    number: int
    name: str
    size: str
    spot: bool
    count: int
    batches_uri: str
    job_id: str = ""
    ended: bool = False
    counts: dict[str, int] = field(default_factory=dict)


@dataclass
class Document:
    """`attempt_id` is the Airflow attempt that wrote it last, `writer` the process."""

    attempt_id: str
    rows: list[Row]
    arrays: list[Array] = field(default_factory=list)
    writer: str = ""

    def to_json(self) -> bytes:
        values = {
            "schema_version": SCHEMA_VERSION,
            "attempt_id": self.attempt_id,
            "writer": self.writer,
            "arrays": [asdict(array) for array in self.arrays],
            "fields": FIELDS,
            "rows": [row.to_list() for row in self.rows],
        }
        return json.dumps(values, separators=(",", ":")).encode()

    @classmethod
    def from_json(cls, text: bytes) -> Self:
        values = json.loads(text)
        rows = [Row.from_list(row) for row in values["rows"]]
        return cls(values["attempt_id"], rows, [Array(**array) for array in values["arrays"]])


def mapping(manifest_uri: str, batches: tuple[int, ...]) -> tuple[str, bytes]:
    """Where the mapping of an array lies, under its own hash beside the plan, and its content."""
    body = json.dumps({"batches": batches}, separators=(",", ":")).encode()
    sha = hashlib.sha256(body).hexdigest()[:16]
    return f"{manifest_uri.removesuffix('.json')}.{sha}.batches.json", body


async def read(calls: AwsCalls, uri: str) -> bytes | None:
    """The object's content; None when it is missing."""
    content, _ = await read_version(calls, uri)
    return content


async def read_version(calls: AwsCalls, uri: str) -> tuple[bytes | None, str]:
    """The object's content and its ETag; None and "" when it is missing."""
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    try:
        answer = await calls.call("s3", "get_object", Bucket=bucket, Key=key)
    except CallRefused as refused:
        if any(word in refused.failure.reason for word in _MISSING):
            return None, ""
        raise
    return await asyncio.to_thread(answer["Body"].read), str(answer["ETag"])


async def write_once(calls: AwsCalls, uri: str, body: bytes) -> None:
    """Under its own hash: who finds it there already has the same content."""
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    try:
        await calls.call("s3", "put_object", Bucket=bucket, Key=key, Body=body, IfNoneMatch="*")
    except CallRefused as refused:
        if not any(word in refused.failure.reason for word in CHANGED):
            raise

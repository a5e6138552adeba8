"""One writer of the document at a time: each write names the version that it follows (S3's If-Match).

Airflow gives the trigger of a triggerer that seems dead to another one. Where the first was only slow, both carry the
fan-out on for some seconds. The second one's first write is the end of the first one's: that can neither overwrite what
the second has noted nor submit another array, because what it is about to submit has to stand in the document before.
(One that it has noted and is submitting at that very moment may come twice; the second looks for it by name first.)
"""

from __future__ import annotations

from typing import Any

from lanes.aws.calls import AwsCalls, CallRefused
from lanes.fan_outs.array_jobs.document import CHANGED, read_version


class Superseded(Exception):
    """Another process has written the document since."""


class OwnedObject:
    """The object at `uri`, as long as nobody else writes it. What is written must name its writer."""

    def __init__(self, calls: AwsCalls, uri: str) -> None:
        self._calls = calls
        self._uri = uri
        self._bucket, _, self._key = uri.removeprefix("s3://").partition("/")
        self._version = ""

    async def read(self) -> bytes | None:
        """What is there, to go on from; None when there is nothing."""
        content, self._version = await read_version(self._calls, self._uri)
        return content

    async def write(self, body: bytes) -> None:
        """In place of what was read or written last. Superseded: nothing was written."""
        condition: dict[str, Any] = {"IfMatch": self._version} if self._version else {"IfNoneMatch": "*"}
        try:
            answer = await self._calls.call(
                "s3", "put_object", Bucket=self._bucket, Key=self._key, Body=body, ContentType="application/json",
                **condition,
            )  # fmt: skip
        except CallRefused as refused:
            if not any(word in refused.failure.reason for word in CHANGED):
                raise
            there, version = await read_version(self._calls, self._uri)
            if there != body:  # else it is ours: S3 had written it, and the answer was lost
                raise Superseded(self._uri) from refused
            self._version = version
        else:
            self._version = str(answer["ETag"])

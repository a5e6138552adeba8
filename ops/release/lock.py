"""One deployment at a time: an object that only one writer can create, renewed while its owner lives.

A lock whose owner was killed is taken over: at once on the same machine, where the dead process can be seen, and
after LEASE_SECONDS without a renewal elsewhere. Only the object's ETag decides who wins.
"""

import json
import os
import socket
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from ops.errors import UserError
from ops.source import author
from ops.workspace import Workspace
from platform_spec.releases import LOCK

LEASE_SECONDS = 120
RENEW_SECONDS = 30
_LOST = ("PreconditionFailed", "ConditionalRequestConflict", "NoSuchKey", "404")


@contextmanager
def deployment_lock(workspace: Workspace, what: str) -> Iterator[None]:
    """Hold the environment's lock; UserError says who has it and since when."""
    lock = _Lock(workspace, what)
    lock.take()
    renewing = threading.Thread(target=lock.renew_until_released, daemon=True)
    renewing.start()
    try:
        yield
    finally:
        lock.released.set()
        renewing.join()
        lock.release()


class _Lock:
    def __init__(self, workspace: Workspace, what: str) -> None:
        self._s3, self._bucket = workspace.client("s3"), workspace.names.dag_bucket
        self._environment = workspace.environment_name
        self.released = threading.Event()
        self._etag = ""
        self._said = {
            "who": author(workspace.root),
            "what": what,
            "since": datetime.now(UTC).isoformat(timespec="seconds"),
            "host": socket.gethostname(),
            "process": os.getpid(),
            "process_started": _process_start(os.getpid()),
            "id": uuid.uuid4().hex,
        }

    def take(self) -> None:
        if self._write(IfNoneMatch="*"):
            return
        holder, etag = self._read()
        if holder is not None and not _is_dead(holder):
            raise UserError(
                f"environment {self._environment} is being changed by {holder['who']} ({holder['what']}) on "
                f"{holder['host']} since {holder['since']}; wait until it is done and run the command again"
            )
        taken = self._write(IfMatch=etag) if holder is not None else self._write(IfNoneMatch="*")
        if not taken:
            raise UserError(f"environment {self._environment}: somebody else just began; run the command again")

    def renew_until_released(self) -> None:
        while not self.released.wait(RENEW_SECONDS):
            if not self._write(IfMatch=self._etag):
                return  # taken over while this process slept: the writes of both are checked by their ETags and hashes

    def release(self) -> None:
        holder, _etag = self._read()
        if holder is not None and holder["id"] == self._said["id"]:
            self._s3.delete_object(Bucket=self._bucket, Key=LOCK)

    def _write(self, **condition: str) -> bool:
        said = {**self._said, "renewed": datetime.now(UTC).isoformat(timespec="seconds")}
        try:
            put = self._s3.put_object(Bucket=self._bucket, Key=LOCK, Body=json.dumps(said).encode(), **condition)
        except ClientError as error:
            if error.response["Error"]["Code"] in _LOST:
                return False
            raise
        self._etag = put["ETag"]
        return True

    def _read(self) -> tuple[dict[str, Any] | None, str]:
        try:
            found = self._s3.get_object(Bucket=self._bucket, Key=LOCK)
        except ClientError as error:
            if error.response["Error"]["Code"] in ("NoSuchKey", "404"):
                return None, ""
            raise
        return json.loads(found["Body"].read()), found["ETag"]


def _is_dead(holder: dict[str, Any]) -> bool:
    if holder["host"] == socket.gethostname() and _process_start(holder["process"]) != holder["process_started"]:
        return True
    age = datetime.now(UTC) - datetime.fromisoformat(holder["renewed"])
    return age.total_seconds() > LEASE_SECONDS


def _process_start(pid: int) -> str:
    """When the process began, in clock ticks since the machine did; "" = there is none (proc(5), field 22 of stat)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[19]
    except OSError:
        return ""

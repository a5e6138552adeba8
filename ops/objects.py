"""Objects in the DAG bucket: written with a checksum that S3 verifies, compared by it, some written only once."""

import base64
import hashlib
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from ops.errors import UserError
from ops.workspace import Workspace

_THREADS = 8


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


@dataclass(frozen=True)
class Stored:
    """An object as S3 has it: SHA-256 computed by S3 ("" = put there by something that asked for none)."""

    key: str
    sha256: str
    version: str


class Bucket:
    """The DAG bucket of an environment."""

    def __init__(self, workspace: Workspace) -> None:
        self.name = workspace.names.dag_bucket
        self._workspace = workspace

    @property
    def _s3(self) -> Any:
        return self._workspace.client("s3")

    def head(self, key: str, version: str = "") -> Stored | None:
        """None when there is no such object."""
        which = {"VersionId": version} if version else {}
        try:
            found = self._s3.head_object(Bucket=self.name, Key=key, ChecksumMode="ENABLED", **which)
        except ClientError as error:
            if error.response["Error"]["Code"] in ("404", "NoSuchKey", "NoSuchVersion", "405"):
                return None
            raise
        checksum = found.get("ChecksumSHA256", "")
        digest = base64.b64decode(checksum).hex() if checksum and "-" not in checksum else ""
        return Stored(key, digest, found.get("VersionId", ""))

    def heads(self, keys: Iterable[str]) -> dict[str, Stored]:
        """Many at once; those that exist."""
        with ThreadPoolExecutor(max_workers=_THREADS) as pool:
            return {stored.key: stored for stored in pool.map(self.head, keys) if stored}

    def keys(self, prefix: str) -> Iterator[str]:
        pages = self._s3.get_paginator("list_objects_v2").paginate(Bucket=self.name, Prefix=prefix)
        for page in pages:
            yield from (stored["Key"] for stored in page.get("Contents", []))

    def get(self, key: str, version: str = "") -> bytes | None:
        """The content, or None."""
        which = {"VersionId": version} if version else {}
        try:
            return bytes(self._s3.get_object(Bucket=self.name, Key=key, **which)["Body"].read())
        except ClientError as error:
            if error.response["Error"]["Code"] in ("NoSuchKey", "NoSuchVersion", "404"):
                return None
            raise

    def put(self, key: str, content: bytes) -> str:
        """Write; S3 refuses the object if it arrived damaged. Returns the object version."""
        return str(self._put(key, content).get("VersionId", ""))

    def put_all(self, contents: Mapping[str, bytes]) -> None:
        """Write many, in no order."""
        with ThreadPoolExecutor(max_workers=_THREADS) as pool:
            list(pool.map(lambda item: self.put(*item), contents.items()))

    def put_once(self, key: str, content: bytes) -> bool:
        """Write unless there is an object; False when there is one."""
        try:
            self._put(key, content, IfNoneMatch="*")
        except ClientError as error:
            if error.response["Error"]["Code"] in ("PreconditionFailed", "ConditionalRequestConflict"):
                return False
            raise
        return True

    def delete(self, keys: Iterable[str]) -> None:
        for key in keys:
            self._s3.delete_object(Bucket=self.name, Key=key)

    def _put(self, key: str, content: bytes, **conditions: str) -> dict[str, Any]:
        checksum = base64.b64encode(hashlib.sha256(content).digest()).decode()
        try:
            return dict(
                self._s3.put_object(Bucket=self.name, Key=key, Body=content, ChecksumSHA256=checksum, **conditions)
            )
        except ClientError as error:
            if error.response["Error"]["Code"] == "NoSuchBucket":
                raise UserError(
                    f"bucket {self.name} does not exist; deploy the storage stack first: "
                    f"`tasklane deploy --env {self._workspace.environment_name}`"
                ) from error
            raise

"""Read and write objects by URI: s3://bucket/key or a local path, with the same meaning for both."""

import os
import shutil
import tempfile
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlparse

from microbiome import stop
from microbiome.errors import BadInput

ABSENT = {"404", "NoSuchKey", "NotFound", "NoSuchBucket"}
# What S3 answers for a missing key to a role that may list only parts of the bucket, as ours (S3 API, GetObject).
UNTOLD = {"403", "AccessDenied", "Forbidden"}


class Missing(BadInput):
    """The object does not exist."""

    def __init__(self, uri: str) -> None:
        super().__init__(f"{uri} does not exist")
        self.uri = uri


@cache
def _client() -> Any:
    """One S3 client per process; endpoint and credentials come from the standard AWS environment variables."""
    import boto3  # 0.3 s that a laptop run with local paths need not pay
    from botocore.config import Config

    return boto3.client("s3", config=Config(max_pool_connections=32, retries={"mode": "standard", "max_attempts": 8}))


def _split(uri: str) -> tuple[str, str]:
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    if not bucket or not key:
        raise BadInput(f"{uri}: not an object URI; use s3://<bucket>/<key>")
    return bucket, key


def _local(uri: str) -> Path:
    return Path(unquote(urlparse(uri).path)) if uri.startswith("file://") else Path(uri)


def _error_code(error: Exception) -> str:
    return str(getattr(error, "response", {}).get("Error", {}).get("Code", ""))


def _absent(error: Exception, bucket: str, key: str) -> bool:
    """Whether the failure of a read says that there is no such object, and not that the role lacks a right."""
    from botocore.exceptions import ClientError

    code = _error_code(error)
    try:
        return code in ABSENT or (code in UNTOLD and not _listed(bucket, key))
    except ClientError:  # it may not list there either: the first error says more
        return False


def _listed(bucket: str, key: str) -> bool:
    page = _client().list_objects_v2(Bucket=bucket, Prefix=key, MaxKeys=1)
    # Keys come in order, so the key itself is the first of all that begin with it.
    return any(found["Key"] == key for found in page.get("Contents", ()))


def read_bytes(uri: str) -> bytes:
    """The whole object. Raises Missing when there is none; other failures stay what they are (a retry may help)."""
    if not uri.startswith("s3://"):
        try:
            return _local(uri).read_bytes()
        except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
            raise Missing(uri) from None
    from botocore.exceptions import ClientError

    bucket, key = _split(uri)
    try:
        return bytes(_client().get_object(Bucket=bucket, Key=key)["Body"].read())
    except ClientError as error:
        if _absent(error, bucket, key):
            raise Missing(uri) from None
        raise


def fetch(uri: str, folder: Path) -> Path:
    """A local path with the object's content: the file itself, or a download into `folder`."""
    if not uri.startswith("s3://"):
        if not _local(uri).is_file():
            raise Missing(uri)
        return _local(uri)
    from botocore.exceptions import ClientError

    bucket, key = _split(uri)
    handle, name = tempfile.mkstemp(dir=folder, suffix="-" + Path(key).name[-80:])
    os.close(handle)
    try:
        _client().download_file(bucket, key, name)
    except ClientError as error:
        Path(name).unlink()
        if _absent(error, bucket, key):
            raise Missing(uri) from None
        raise
    return Path(name)


def exists(uri: str) -> bool:
    """Whether the object exists. On S3 by listing: a HEAD of a missing key answers 403 here."""
    if not uri.startswith("s3://"):
        return _local(uri).exists()
    from botocore.exceptions import ClientError

    try:
        return _listed(*_split(uri))
    except ClientError as error:
        if _error_code(error) in ABSENT:
            return False
        raise


def write_bytes(uri: str, content: bytes) -> None:
    """Write the object at once; readers see the old content or the new one, never a part."""
    if uri.startswith("s3://"):
        bucket, key = _split(uri)
        _client().put_object(Bucket=bucket, Key=key, Body=content)
        return
    temporary = _temporary_beside(_local(uri), content)
    temporary.replace(_local(uri))
    stop.forget(temporary)


def write_once(uri: str, content: bytes) -> bool:
    """Write the object unless it exists already (If-None-Match: *). True if this call wrote it."""
    if uri.startswith("s3://"):
        from botocore.exceptions import ClientError

        bucket, key = _split(uri)
        try:
            _client().put_object(Bucket=bucket, Key=key, Body=content, IfNoneMatch="*")
        except ClientError as error:
            # 409: another writer is at it right now; its object will be the same as ours.
            if _error_code(error) in {"PreconditionFailed", "412", "ConditionalRequestConflict", "409"}:
                return False
            raise
        return True
    temporary = _temporary_beside(_local(uri), content)
    try:
        os.link(temporary, _local(uri))
    except FileExistsError:
        return False
    finally:
        temporary.unlink()
        stop.forget(temporary)
    return True


def upload(path: Path, uri: str) -> None:
    """Copy a local file to the URI, in parts when it is large."""
    if uri.startswith("s3://"):
        _client().upload_file(str(path), *_split(uri))
        return
    temporary = _temporary_beside(_local(uri), b"")
    shutil.copyfile(path, temporary)
    temporary.replace(_local(uri))
    stop.forget(temporary)


def _temporary_beside(path: Path, content: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)

    def create() -> Path:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=".part-")
        os.close(handle)
        return Path(name)

    temporary = stop.remember(create)
    temporary.write_bytes(content)
    temporary.chmod(0o644)
    return temporary

"""The plan of a fan-out as the worker reads it from S3, and what a person has asked for since."""

from __future__ import annotations

import json
from typing import Any

from lanes.airflow_errors import AirflowFailException
from platform_spec.fan_out_resume import Resumed, resume_uri

# S3 answers 403 for a missing key where the caller may not list the bucket's whole content.
_MISSING = ("NoSuchKey", "404", "403", "AccessDenied", "Forbidden")


def read_manifest(uri: str) -> tuple[dict[str, Any], str]:
    """The fan-out manifest and its hash, which is its file name. Fails without retry when it is not there."""
    body = _get(uri)
    if body is None:
        raise AirflowFailException(
            f"fan-out manifest {uri} does not exist, or the role of this environment may not read it; "
            f"clear the task that plans it"
        )
    return json.loads(body), sha_of(uri)


def sha_of(uri: str) -> str:
    """The manifest's hash, under which it is stored."""
    return uri.rsplit("/", 1)[-1].removesuffix(".json")


def read_resumed(manifest_uri: str, run_id: str) -> Resumed:
    """The batches of this run that were resumed with other settings; usually none."""
    body = _get(resume_uri(manifest_uri, run_id))
    return Resumed.from_json(body) if body else Resumed(run_id=run_id)


def write_once(uri: str, value: dict[str, Any]) -> None:
    """Store `value` as JSON unless the object exists already."""
    import boto3
    from botocore.exceptions import ClientError

    bucket, _, key = uri.removeprefix("s3://").partition("/")
    try:
        boto3.client("s3").put_object(Bucket=bucket, Key=key, Body=json.dumps(value).encode(), IfNoneMatch="*")
    except ClientError as error:
        # 409: another process writes it at this moment.
        if error.response["Error"]["Code"] not in ("PreconditionFailed", "412", "ConditionalRequestConflict"):
            raise


def _get(uri: str) -> bytes | None:
    """The object's content; None when it is missing."""
    import boto3  # here, not above: DAG files are parsed without it
    from botocore.exceptions import ClientError

    bucket, _, key = uri.removeprefix("s3://").partition("/")
    try:
        return bytes(boto3.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read())
    except ClientError as error:
        if error.response["Error"]["Code"] in _MISSING:
            return None
        raise

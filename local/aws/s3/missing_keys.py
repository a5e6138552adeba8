"""A missing key is a secret to whoever may not list the bucket: GetObject and HeadObject answer 403, not 404.

Source: Amazon S3 API Reference, GetObject and HeadObject, "Permissions": "If the object that you request doesn't exist
… If you have the s3:ListBucket permission on the bucket, Amazon S3 returns an HTTP status code 404 … If you don't have
the s3:ListBucket permission, Amazon S3 returns an HTTP status code 403". A statement that is bound to s3:prefix does
not count: a GET carries no prefix.
"""

from collections.abc import Callable
from typing import Any

from ministack.core import iam_actions, iam_evaluator
from ministack.core.responses import get_region
from ministack.core.router import extract_access_key_id
from ministack.services import s3

from local.aws.iam.enforcement import Enforcement

Response = tuple[int, dict[str, str], Any]


def install(enforcement: Enforcement) -> None:
    """Wrap both reads (S3's handler looks them up at each request)."""
    s3._get_object = _concealing(s3._get_object, enforcement)
    s3._head_object = _concealing(s3._head_object, enforcement)


def _concealing(stock: Callable[..., Response], enforcement: Enforcement) -> Callable[..., Response]:
    def read(
        bucket: str, key: str, headers: dict[str, str] | None = None, query_params: dict | None = None
    ) -> Response:
        response = stock(bucket, key, headers, query_params)
        if response[0] != 404 or s3._ensure_bucket(bucket) is None:
            return response
        access_key = extract_access_key_id(headers or {}, query_params or {}) or ""
        arn = f"arn:aws:s3:::{bucket}"
        if enforcement.judge(access_key, "s3:ListBucket", "s3", get_region(), arn, {}) is None:
            return response
        caller = iam_evaluator.resolve_caller_identity(access_key) if access_key else None
        principal = str(caller["userArn"]) if caller else "anonymous"
        return iam_actions.access_denied_response("s3", "s3:ListBucket", principal, "", headers=dict(headers or {}))

    return read

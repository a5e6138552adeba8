"""`aws:kms` without a key id means the account's AWS managed key; ministack refuses it, and the CDK CLI sends it.

Source: Amazon S3 API Reference, PutObject, x-amz-server-side-encryption-aws-kms-key-id: "If you specify … aws:kms …
but do not provide a key id, Amazon S3 uses the AWS managed key (aws/s3)".
"""

from collections.abc import Callable
from typing import Any

from ministack.core.responses import get_account_id, get_region
from ministack.services import s3

_KIND = "x-amz-server-side-encryption"
_KEY = "x-amz-server-side-encryption-aws-kms-key-id"
_stock: Callable[[dict, str], tuple[Any, Any]] = s3._resolve_sse_write_headers


def install() -> None:
    """Name the managed key before ministack looks."""
    s3._resolve_sse_write_headers = _resolve


def _resolve(headers: dict, bucket_name: str) -> tuple[Any, Any]:
    if headers.get(_KIND) == "aws:kms" and not headers.get(_KEY):
        managed = f"arn:aws:kms:{get_region()}:{get_account_id()}:alias/aws/s3"
        headers = {**headers, _KEY: managed}
    return _stock(headers, bucket_name)

"""Objects under a customer managed key: S3 asks KMS in the caller's name, and answers 403 when the key is not theirs.

Source: AWS KMS Developer Guide, "How Amazon S3 uses AWS KMS", and Amazon S3 User Guide, "Using server-side encryption
with AWS KMS keys", permissions: kms:GenerateDataKey to write, kms:Decrypt to read, both for a multipart upload. The
request carries kms:ViaService and, with a bucket key, the bucket's ARN as encryption context. HeadObject needs no key.
"""

from collections.abc import Callable
from typing import Any

from ministack.core import iam_actions
from ministack.core.iam_evaluator import AuthError
from ministack.core.responses import get_region
from ministack.core.router import extract_access_key_id
from ministack.services import s3

from local.aws.iam.enforcement import Enforcement
from local.aws.iam.request import current

Response = tuple[int, dict[str, str], Any]
_KEY = "x-amz-server-side-encryption-aws-kms-key-id"
_READ, _WRITE = "kms:Decrypt", "kms:GenerateDataKey"


class KeyUse:
    """Judges the use of a bucket's or an object's key for the caller of the current request."""

    def __init__(self, enforcement: Enforcement) -> None:
        self._enforcement = enforcement

    def install(self) -> None:
        """Wrap the calls that encrypt or decrypt (S3's handler looks them up at each request)."""
        s3._put_object = self._writing(s3._put_object, headers_at=3)
        s3._create_multipart_upload = self._writing(s3._create_multipart_upload, headers_at=2)
        s3._copy_object = self._writing(s3._copy_object, headers_at=2)
        s3._complete_multipart_upload = self._finishing(s3._complete_multipart_upload)
        s3._get_object = self._reading(s3._get_object)

    def _writing(self, stock: Callable[..., Response], *, headers_at: int) -> Callable[..., Response]:
        def write(*given: Any, **named: Any) -> Response:
            headers = given[headers_at] if len(given) > headers_at else named["headers"]
            resolved, _ = s3._resolve_sse_write_headers(headers, given[0])
            return self._refusal(given[0], _WRITE, (resolved or {}).get(_KEY, ""), headers) or stock(*given, **named)

        return write

    def _finishing(self, stock: Callable[..., Response]) -> Callable[..., Response]:
        """S3 decrypts the parts to put them together."""

        def complete(*given: Any, **named: Any) -> Response:
            key = s3._bucket_default_sse_headers(given[0]).get(_KEY, "")
            return self._refusal(given[0], _READ, key, {}) or stock(*given, **named)

        return complete

    def _reading(self, stock: Callable[..., Response]) -> Callable[..., Response]:
        def read(bucket: str, key: str, headers: dict[str, str], query_params: dict | None = None) -> Response:
            response = stock(bucket, key, headers, query_params)
            if response[0] >= 300:
                return response
            return self._refusal(bucket, _READ, response[1].get(_KEY, ""), headers) or response

        return read

    def _refusal(self, bucket: str, action: str, key: str, headers: dict[str, str]) -> Response | None:
        request = current.get()
        access_key = request.access_key if request else extract_access_key_id(headers, {})
        if ":key/" not in key or not access_key:  # an AWS managed key, or S3 itself
            return None
        context = {
            "kms:ViaService": f"s3.{get_region()}.amazonaws.com",
            "kms:EncryptionContext:aws:s3:arn": f"arn:aws:s3:::{bucket}",
        }
        decision = self._enforcement.enforce(access_key, action, "kms", get_region(), key, context)
        if decision is None or isinstance(decision, AuthError):  # the request itself was authenticated before
            return None
        principal = decision.principal_arn
        message = iam_actions.identity_denial_message(action, principal, key, decision.decision == "Deny")
        answer: Response = iam_actions.access_denied_response("s3", action, principal, "", headers={}, message=message)
        return answer

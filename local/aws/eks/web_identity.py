"""AssumeRoleWithWebIdentity with a service account's token: STS checks its signature and its end, ministack does not.

Source: OpenID Connect Core, "ID Token Validation"; RFC 8017, 8.2.2 (RSASSA-PKCS1-v1_5), of which RS256 is made.
"""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable
from typing import Any

from ministack.services import sts

from local.aws.eks.clusters import Clusters, Keys

_SHA256 = bytes.fromhex("3031300d060960864801650304020105000420")  # DigestInfo (RFC 8017, 9.2, note 1)
_stock: Callable[..., Any] = sts._web_identity_trust_denied
_stock_principal: Callable[..., tuple[str, dict[str, Any]]] = sts._web_identity_principal


def install(clusters: Clusters) -> None:
    """Look at the token before ministack looks at the role's trust (by name, at each call)."""

    def denied(role_arn: str, params: dict[str, Any], use_json: bool) -> Any:
        token = sts._p(params, "WebIdentityToken")
        keys = clusters.keys_of(_claims(token).get("iss", ""))
        if keys is not None and (why := _refused(token, keys)):
            return sts._error(400, "InvalidIdentityToken", why, ns="sts")
        return _stock(role_arn, params, use_json)

    sts._web_identity_trust_denied = denied
    sts._web_identity_principal = _principal


def _principal(token: str, provider_id: str, role_arn: str) -> tuple[str, dict[str, Any]]:
    """A cluster writes `aud` as a list of one; to a condition it is that one."""
    principal, keys = _stock_principal(token, provider_id, role_arn)
    return principal, {key: one[0] if isinstance(one, list) and len(one) == 1 else one for key, one in keys.items()}


def _claims(token: str) -> dict[str, Any]:
    try:
        claims = json.loads(_bytes(token.split(".")[1]))
    except (IndexError, ValueError):
        return {}
    return claims if isinstance(claims, dict) else {}


def _refused(token: str, keys: Keys) -> str:
    """Why STS does not take the token; empty: it does."""
    signed, _, signature = token.rpartition(".")
    header = json.loads(_bytes(signed.split(".")[0]))
    key = next((one for one in keys if one["kid"] == header.get("kid")), None)
    if key is None or header.get("alg") != "RS256" or not _is_signed(signed.encode(), _bytes(signature), key):
        return "Couldn't verify the signature of the token with the keys of its issuer"
    if time.time() >= _claims(token).get("exp", 0):
        return "Token expired: it must be used before its end"
    return ""


def _is_signed(signed: bytes, signature: bytes, key: dict[str, str]) -> bool:
    modulus, exponent = (int.from_bytes(_bytes(key[part])) for part in ("n", "e"))
    size = (modulus.bit_length() + 7) // 8
    digest = _SHA256 + hashlib.sha256(signed).digest()
    expected = b"\x00\x01" + b"\xff" * (size - len(digest) - 3) + b"\x00" + digest
    found = pow(int.from_bytes(signature), exponent, modulus).to_bytes(size)
    return hmac.compare_digest(found, expected)


def _bytes(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))

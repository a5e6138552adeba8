"""AssumeRoleWithWebIdentity with a service account's token: STS checks its signature and its end, ministack does not.

Source: OpenID Connect Core, "ID Token Validation".
"""

from collections.abc import Callable
from typing import Any

import jwt
from ministack.services import sts

from local.aws.eks.clusters import Clusters, Keys

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
    """Unchecked: they tell whose keys to check it with."""
    try:
        return dict(jwt.decode(token, options={"verify_signature": False}))
    except jwt.DecodeError:
        return {}


def _refused(token: str, keys: Keys) -> str:
    """Why STS does not take the token; empty: it does. Whom it is for (`aud`) is the trust's to say."""
    try:
        key = jwt.PyJWKSet(keys)[jwt.get_unverified_header(token).get("kid", "")]
        jwt.decode(token, key, algorithms=["RS256"], options={"verify_aud": False, "require": ["exp"]})
    except jwt.ExpiredSignatureError:
        return "Token expired: it must be used before its end"
    except (jwt.PyJWTError, KeyError):
        return "Couldn't verify the signature of the token with the keys of its issuer"
    return ""

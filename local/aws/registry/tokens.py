"""Passwords for the registry: each stands for the principal that asked for it, for twelve hours.

Source: Amazon ECR API Reference, GetAuthorizationToken: base64 of `AWS:<password>`, with the registry's address.
"""

import base64
import binascii
import secrets
import time
from threading import Lock

from ministack.core.responses import json_response

from local.aws.iam.request import current

SECONDS = 12 * 3600
_USER = "AWS"


class Tokens:
    """Issues passwords and tells whose they are."""

    def __init__(self, endpoint: str) -> None:
        self._endpoint = endpoint
        self._keys: dict[str, tuple[str, float]] = {}
        self._lock = Lock()

    def issue(self, _data: dict) -> tuple[int, dict[str, str], bytes]:
        """The answer of GetAuthorizationToken for the caller of the current request."""
        request = current.get()
        token, ends = self.token_of(request.access_key if request else "")
        entry = {"authorizationToken": token, "expiresAt": int(ends), "proxyEndpoint": self._endpoint}
        return json_response({"authorizationData": [entry]})

    def token_of(self, access_key: str) -> tuple[str, float]:
        """(base64 of `AWS:<password>`, when it ends) for the principal with this access key."""
        password, ends = secrets.token_urlsafe(32), time.time() + SECONDS
        with self._lock:
            self._keys[password] = (access_key, ends)
        return base64.b64encode(f"{_USER}:{password}".encode()).decode(), ends

    def access_key(self, authorization: str) -> str | None:
        """The access key behind a `Basic` header; None when the password is unknown or too old."""
        scheme, _, encoded = authorization.partition(" ")
        if scheme.lower() != "basic":
            return None
        try:
            user, _, password = base64.b64decode(encoded, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            return None
        with self._lock:
            key, ends = self._keys.get(password, ("", 0.0))
        return key if user == _USER and key and ends > time.time() else None

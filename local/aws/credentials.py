"""The container credentials endpoint: what AWS_CONTAINER_CREDENTIALS_FULL_URI points to.

Source: AWS SDKs and Tools Reference Guide, "Container credential provider": GET with header Authorization, answered
with AccessKeyId, SecretAccessKey, Token and Expiration; SDKs call again before the end. http is accepted on loopback.
"""

import hmac
import secrets
from dataclasses import asdict, dataclass
from threading import Lock
from typing import Any

from local.aws.iam.sessions import RoleSessions
from local.aws.journal import Journal

Document = dict[str, str]


@dataclass(frozen=True)
class _Grant:
    role_arn: str
    session_name: str
    token: str
    origin: dict[str, Any]  # where its holder calls from
    durable: bool  # a service holds it: it must outlive this process


class Credentials:
    """Issues addresses that hand out sessions of one role to the holder of one token."""

    def __init__(self, endpoint: str, sessions: RoleSessions, journal: Journal) -> None:
        self._endpoint, self._journal = endpoint, journal
        self._sessions = sessions
        self._grants: dict[str, _Grant] = {}
        self._lock = Lock()
        journal.register("grant", self._restore, lambda *_: True)

    def issue(
        self, role_arn: str, session_name: str, origin: dict[str, Any], *, durable: bool = False
    ) -> tuple[str, str]:
        """(address, authorization token) for a role whose trust was checked before."""
        credential_id, token = secrets.token_urlsafe(18), secrets.token_urlsafe(24)
        grant = _Grant(role_arn, session_name, token, origin, durable)
        with self._lock:
            self._grants[credential_id] = grant
        if durable:
            self._journal.write("grant", credential_id, asdict(grant))
        return f"{self._endpoint}/_tasklane/role/{credential_id}", token

    def read(self, credential_id: str, token: str) -> tuple[int, Document]:
        """(status, document) for a GET on such an address."""
        with self._lock:
            grant = self._grants.get(credential_id)
        if grant is None:
            return 404, {"code": "NotFound", "message": "no such credentials"}
        if not hmac.compare_digest(token.encode(), grant.token.encode()):
            return 403, {"code": "AccessDenied", "message": "wrong authorization token"}
        session = self._sessions.of(grant.role_arn, grant.session_name, grant.origin, durable=grant.durable)
        return 200, session.document()

    def revoke(self, full_uri: str) -> None:
        """The task ended: its address answers 404 from now on."""
        with self._lock:
            grant = self._grants.pop(full_uri.rsplit("/", 1)[-1], None)
        if grant:
            self._sessions.forget(grant.role_arn, grant.session_name)

    def _restore(self, credential_id: str, fact: dict[str, Any]) -> None:
        self._grants[credential_id] = _Grant(**fact)

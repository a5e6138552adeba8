"""Short-lived sessions of a role that an AWS service took on: the credentials of tasks and of the Airflow environment.

Source: Amazon ECS Developer Guide, "Task IAM role" (GET on AWS_CONTAINER_CREDENTIALS_FULL_URI with the authorization
token answers AccessKeyId, SecretAccessKey, Token, Expiration, RoleArn); IAM User Guide, "How to use trust policies".
"""

import json
import time
from dataclasses import asdict, dataclass, field
from threading import Lock
from typing import Any

from ministack.core import iam_evaluator
from ministack.services import iam, sts

from local.aws.journal import Journal

SESSION_SECONDS = 3600
_MANY_SESSIONS = 1000
_RENEW_BEFORE_SECONDS = 900  # ECS rotates credentials well before they end; SDKs refresh in the last 15 minutes


class TrustError(Exception):
    """The role does not exist or its trust policy does not let the service assume it."""


@dataclass(frozen=True)
class Session:
    """Credentials of one role session, and when they end (epoch seconds)."""

    access_key: str
    secret: str
    token: str
    expires: float
    role_arn: str
    origin: dict[str, Any] = field(default_factory=dict)  # where it calls from (network/origin.py); empty: anywhere

    def document(self) -> dict[str, str]:
        """The JSON that the container credentials endpoint answers."""
        expiration = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(self.expires))
        return {
            "AccessKeyId": self.access_key,
            "SecretAccessKey": self.secret,
            "Token": self.token,
            "Expiration": expiration,
            "RoleArn": self.role_arn,
        }


class RoleSessions:
    """Sessions by role and session name; one is reused until shortly before it ends."""

    def __init__(self, journal: Journal) -> None:
        self._sessions: dict[tuple[str, str], Session] = {}
        self._lock, self._journal = Lock(), journal
        journal.register("session", self._restore, lambda _, fact: fact["expires"] > time.time())

    def of(self, role_arn: str, session_name: str, origin: dict[str, Any], *, durable: bool = False) -> Session:
        """A session that is good for at least 15 minutes. durable: it outlives this process."""
        with self._lock:
            known = self._sessions.get((role_arn, session_name))
            if known and known.expires - time.time() > _RENEW_BEFORE_SECONDS:
                return known
            self._drop_ended()
            made = _start(role_arn, session_name, origin)
            self._sessions[role_arn, session_name] = made
            if durable:
                self._journal.write("session", session_name, asdict(made))
            return made

    def forget(self, role_arn: str, session_name: str) -> None:
        """The task ended: its session is no longer renewed (running ones end by themselves, as on AWS)."""
        with self._lock:
            self._sessions.pop((role_arn, session_name), None)

    def _drop_ended(self) -> None:
        if len(self._sessions) > _MANY_SESSIONS:
            now = time.time()
            self._sessions = {key: one for key, one in self._sessions.items() if one.expires > now}

    def _restore(self, session_name: str, fact: dict[str, Any]) -> None:
        session = Session(**fact)
        _register(session, session_name)  # an old one is refused as expired, not as unknown
        self._sessions[session.role_arn, session_name] = session


def check_trust(role_arn: str, service: str, context: dict[str, Any] | None = None) -> None:
    """Raise TrustError unless the role's trust policy allows the service principal sts:AssumeRole.

    context: condition keys such as aws:SourceArn; aws:SourceAccount is the role's account unless given.
    """
    account, name = role_arn.split(":")[4], role_arn.rsplit("/", 1)[-1]
    role = iam._roles.get_scoped(account, None, name)
    if role is None:
        raise TrustError(f"role {role_arn} does not exist")
    document = role.get("AssumeRolePolicyDocument") or "{}"
    trust = json.loads(document) if isinstance(document, str) else document
    keys = {"aws:sourceaccount": account, **{k.lower(): v for k, v in (context or {}).items()}}
    evaluation = iam_evaluator.EvalContext(
        principal_arn=service,
        principal_type="Service",
        principal_account=account,
        action="sts:AssumeRole",
        resource_arn=role_arn,
        region="",
        service_context=keys,
    )
    if not _allows(trust, service, evaluation):
        raise TrustError(f"the trust policy of {role_arn} does not let {service} assume it")


def _allows(trust: dict[str, Any], service: str, context: iam_evaluator.EvalContext) -> bool:
    statements = trust.get("Statement", [])
    allowed = False
    for statement in [statements] if isinstance(statements, dict) else statements:
        actions = statement.get("Action", [])
        matches = (
            iam_evaluator._action_matches(context.action, [actions] if isinstance(actions, str) else actions, [])
            and iam_evaluator._service_principal_matches(statement.get("Principal", {}), service)
            and iam_evaluator._conditions_met(statement.get("Condition", {}), context)
        )
        if matches and statement.get("Effect") == "Deny":
            return False
        allowed = allowed or (matches and statement.get("Effect") == "Allow")
    return allowed


def _start(role_arn: str, session_name: str, origin: dict[str, Any]) -> Session:
    made = Session(
        iam._gen_session_access_key(),
        iam._gen_secret(),
        iam._gen_session_token(),
        time.time() + SESSION_SECONDS,
        role_arn,
        origin,
    )
    _register(made, session_name)
    return made


def _register(made: Session, session_name: str) -> None:
    role_arn = made.role_arn
    account, role = role_arn.split(":")[4], role_arn.rsplit("/", 1)[-1]
    sts.register_session(
        made.access_key,
        {
            "Arn": f"arn:aws:sts::{account}:assumed-role/{role}/{session_name}",
            "UserId": f"{sts._role_id(role_arn)}:{session_name}",
            "SecretAccessKey": made.secret,
            "SessionToken": made.token,
            "Expiration": made.expires,
            "AccountId": account,
            "PrincipalType": "AssumedRole",
            "SourceAccessKeyId": "",
            "SourcePrincipalArn": "",
            "SessionTags": [],
            "SessionPolicies": None,
            "_tasklane_origin": made.origin,
        },
    )

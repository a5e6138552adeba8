"""clientToken: the same token gives the same tasks, as long as the parameters are the same.

Source: Amazon ECS Developer Guide, "Ensuring idempotency": a retried RunTask with the same token and parameters answers
the original tasks without starting more; other parameters with a used token are a ConflictException that names the
tasks; the token is remembered for at least 24 hours, also after the tasks stopped; unique per action and account.
"""

import hashlib
import json
import time
from dataclasses import asdict, dataclass
from threading import Lock
from typing import Any

from local.aws.ecs.errors import EcsError
from local.aws.journal import Journal

_REMEMBERED_SECONDS = 24 * 3600


@dataclass(frozen=True)
class _Use:
    fingerprint: str
    task_arns: tuple[str, ...]
    expires: float


class ClientTokens:
    """Tokens seen, per account, Region and cluster."""

    def __init__(self, journal: Journal) -> None:
        self._uses: dict[tuple[str, str, str], _Use] = {}
        self._journal = journal
        journal.register("token", self._restore, lambda _, fact: fact["expires"] > time.time())
        # Held by RunTask over look-up and start: two calls with one token at the same moment must not both start.
        self.lock = Lock()

    def known(self, scope: tuple[str, str], data: dict[str, Any]) -> tuple[str, ...] | None:
        """ARNs of the tasks that the token started, None for a new token. Raises ConflictException."""
        token = data.get("clientToken")
        use = self._uses.get((*scope, token)) if token else None
        if use is None or use.expires < time.time():
            return None
        if use.fingerprint != _fingerprint(data):
            raise EcsError(
                "ConflictException",
                f"The clientToken {token} was used with other parameters for the tasks {', '.join(use.task_arns)}",
            )
        return use.task_arns

    def remember(self, scope: tuple[str, str], data: dict[str, Any], task_arns: list[str]) -> None:
        """Bind the token to the tasks; a call that started none leaves the token unused."""
        token = data.get("clientToken")
        if token and task_arns:
            use = _Use(_fingerprint(data), tuple(task_arns), time.time() + _REMEMBERED_SECONDS)
            self._uses[*scope, token] = use
            self._journal.write("token", "|".join((*scope, token)), asdict(use))

    def _restore(self, key: str, fact: dict[str, Any]) -> None:
        account, cluster, token = key.split("|", 2)
        self._uses[account, cluster, token] = _Use(fact["fingerprint"], tuple(fact["task_arns"]), fact["expires"])


def _fingerprint(data: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(data, sort_keys=True).encode()).hexdigest()

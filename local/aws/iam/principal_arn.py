"""aws:PrincipalArn of a role session is the role's ARN (IAM User Guide, global condition keys), not the session's."""

from typing import Any

from ministack.core import iam_evaluator

_stock = iam_evaluator._resolve_condition_key


def install() -> None:
    """Take the place of ministack's look-up (called by name at each evaluation)."""
    iam_evaluator._resolve_condition_key = _resolve


def _resolve(key: str, context: Any) -> Any:
    value = _stock(key, context)
    if key.lower() != "aws:principalarn" or ":assumed-role/" not in str(value):
        return value
    front, _, session = str(value).partition(":assumed-role/")
    return f"{front.replace(':sts:', ':iam:')}:role/{session.split('/', 1)[0]}"

"""Every decision goes through here: condition keys that ministack leaves out, anonymous S3, the audit.

Sources: Service Authorization Reference (ecs:cluster on RunTask, StopTask, DescribeTasks, ListTasks), IAM User Guide
"Policy evaluation logic" (an anonymous request is allowed only by a resource policy).
"""

from collections.abc import Callable
from typing import Any

from ministack.core import iam_actions, iam_evaluator
from ministack.core.iam_evaluator import AuthError, EvalContext, EvalResult
from ministack.core.responses import get_account_id, get_region

from local.aws.iam import resources
from local.aws.iam.audit import Audit
from local.aws.iam.request import current

Decision = EvalResult | AuthError | None
_CLUSTER_ACTIONS = {"ecs:RunTask", "ecs:StopTask", "ecs:DescribeTasks", "ecs:ListTasks", "ecs:TagResource"}
_stock: Callable[..., Decision] = iam_evaluator.enforce


class Enforcement:
    """Judges an action for the holder of an access key, and records the judgement."""

    def __init__(self, audit: Audit) -> None:
        self._audit = audit

    def install(self) -> None:
        """Take the place of ministack's enforce (looked up at each call by the router and the services)."""
        iam_evaluator.enforce = self.enforce
        resources.install()

    def enforce(
        self,
        access_key_id: str,
        iam_action: str,
        service: str,
        region: str,
        resource_arn: str = "*",
        service_context: dict[str, Any] | None = None,
    ) -> Decision:
        """None when allowed, else why not; same contract as ministack's own."""
        context = {**_extra_conditions(iam_action, region), **(service_context or {})}
        decision = self.judge(access_key_id, iam_action, service, region, resource_arn, context)
        if not isinstance(decision, AuthError):  # a bad signature is not a decision about a permission
            self._audit.record(_principal(access_key_id), iam_action, resource_arn, context, decision is None)
        return decision

    def judge(
        self, access_key: str, action: str, service: str, region: str, resource: str, context: dict[str, Any]
    ) -> Decision:
        """The decision alone, unrecorded: None when allowed. For what AWS looks up on the way to another answer."""
        decision = _anonymous_s3(access_key, action, service, region, resource, context)
        if decision is _NOT_ANONYMOUS:
            decision = _stock(access_key, action, service, region, resource, context)
        return decision

    def deny_caller(
        self, action: str, resource: str, context: dict[str, Any] | None = None, service: str = "ecs"
    ) -> tuple[int, dict[str, str], bytes] | None:
        """Judge a further action for the caller of the current request: None when allowed, else AWS's answer."""
        request = current.get()
        if request is None:  # called by the platform itself, not by a client
            return None
        decision = self.enforce(request.access_key, action, action.split(":")[0], get_region(), resource, context)
        if decision is None:
            return None
        principal = getattr(decision, "principal_arn", "")
        explicit = getattr(decision, "decision", "") == "Deny"
        message = iam_actions.identity_denial_message(action, principal, resource, explicit)
        response: tuple[int, dict[str, str], bytes] = iam_actions.access_denied_response(
            service, action, principal, request.request_id, headers=dict(request.headers), message=message
        )
        return response


_NOT_ANONYMOUS = EvalResult("NotAnonymous")


def _anonymous_s3(
    access_key: str, action: str, service: str, region: str, resource: str, context: dict[str, Any]
) -> Decision:
    """An unsigned S3 request is nobody's: only the bucket policy can allow it (ministack would take it for root)."""
    if service != "s3" or access_key or iam_evaluator._signed_request.get() is not None:
        return _NOT_ANONYMOUS
    keys = {key.lower(): value for key, value in context.items()}
    evaluation = EvalContext("anonymous", "Anonymous", "", action, resource, region, service_context=keys)
    found = iam_evaluator._resource_policy("s3", resource)
    decision = iam_evaluator.evaluate_resource_policy(found[0] if found else None, evaluation)
    if decision.decision == "Allow":
        return None
    decision.principal_arn = "anonymous"
    return decision


def _extra_conditions(action: str, region: str) -> dict[str, Any]:
    request = current.get()
    if request is None or action not in _CLUSTER_ACTIONS:
        return {}
    if action == "ecs:TagResource":
        return {}
    return {"ecs:cluster": resources.cluster_arn(request.data.get("cluster"), region, get_account_id())}


def _principal(access_key: str) -> str:
    if not access_key:
        return "anonymous"
    found = iam_evaluator.resolve_caller_identity(access_key)
    return str(found["userArn"]) if found else f"unknown key {access_key}"

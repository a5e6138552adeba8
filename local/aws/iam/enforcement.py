"""Every decision goes through here: condition keys that ministack leaves out, anonymous S3, the audit.

Sources: Service Authorization Reference (ecs:cluster on RunTask, StopTask, DescribeTasks, ListTasks; s3:if-none-match
on PutObject), IAM User Guide
"Policy evaluation logic" (an anonymous request is allowed only by a resource policy).
"""

from collections.abc import Callable
from typing import Any

from ministack.core import iam_actions, iam_evaluator
from ministack.core.iam_evaluator import AuthError, EvalContext, EvalResult
from ministack.core.responses import get_account_id, get_region
from ministack.services import kms

from local.aws.iam import principal_arn, resources
from local.aws.iam.audit import Audit
from local.aws.iam.request import current
from local.aws.network import reach
from local.aws.network.origin import of_session

Decision = EvalResult | AuthError | None
Conditions = Callable[[dict[str, Any]], dict[str, Any]]
_CLUSTER_ACTIONS = {"ecs:RunTask", "ecs:StopTask", "ecs:DescribeTasks", "ecs:ListTasks", "ecs:TagResource"}
_PREFIXES = {"monitoring": "cloudwatch"}  # services whose actions have another prefix
_stock: Callable[..., Decision] = iam_evaluator.enforce


class Enforcement:
    """Judges an action for the holder of an access key, and records the judgement."""

    def __init__(self, audit: Audit) -> None:
        self._audit = audit

        self._conditions: dict[str, Conditions] = {}

    def add_conditions(self, action: str, conditions: Conditions) -> None:
        """Condition keys of an action that only its service can tell, from the request's JSON body."""
        self._conditions[action] = conditions

    def install(self) -> None:
        """Take the place of ministack's enforce (looked up at each call by the router and the services)."""
        iam_evaluator.enforce = self.enforce
        resources.install()
        principal_arn.install()

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
        context = {**self._extra_conditions(iam_action, region), **_key_aliases(resource_arn)}
        context |= service_context or {}
        decision = self.judge(access_key_id, iam_action, service, region, resource_arn, context)
        if isinstance(decision, AuthError):  # a bad signature is not a decision about a permission
            return decision
        blocked = (
            self._blocked(access_key_id, iam_action, service, region, resource_arn, context) if not decision else None
        )
        allowed = decision is None and blocked is None
        self._audit.record(_principal(access_key_id), iam_action, resource_arn, context, allowed)
        return decision or blocked

    @staticmethod
    def _blocked(
        access_key: str, action: str, service: str, region: str, resource: str, context: dict[str, Any]
    ) -> AuthError | None:
        """An allowed call must also arrive: a caller in a VPC needs an endpoint that lets it through, or NAT."""
        origin = of_session(access_key)
        # What a service does on the way (S3 with a key, ECS with a role) does not come from the VPC.
        if origin is None or "kms:ViaService" in context or action.split(":")[0] != _PREFIXES.get(service, service):
            return None
        evaluation = EvalContext(
            principal_arn=_principal(access_key),
            principal_type="AssumedRole",
            principal_account=get_account_id(),
            action=action,
            resource_arn=resource,
            region=region,
            service_context={key.lower(): value for key, value in context.items()},
        )
        reason = reach.denial(origin, service, region, evaluation)
        return AuthError("AccessDenied", reason) if reason else None

    def _extra_conditions(self, action: str, region: str) -> dict[str, Any]:
        request = current.get()
        if request is None:
            return {}
        if action in self._conditions:
            return self._conditions[action](request.data)
        if action == "s3:PutObject":
            header = {key.lower(): value for key, value in request.headers.items()}.get("if-none-match")
            return {"s3:if-none-match": header} if header else {}
        if action not in _CLUSTER_ACTIONS or action == "ecs:TagResource":
            return {}
        return {"ecs:cluster": resources.cluster_arn(request.data.get("cluster"), region, get_account_id())}

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
        message = getattr(decision, "message", "") or iam_actions.identity_denial_message(
            action, principal, resource, explicit
        )
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


def _key_aliases(resource: str) -> dict[str, Any]:
    """kms:ResourceAliases: how a policy names a key that is made after it (KMS developer guide, condition keys)."""
    if ":key/" not in resource:
        return {}
    key = resource.rsplit("/", 1)[-1]
    names = [arn.split(":", 5)[-1] for arn, target in kms._aliases.items() if str(target).rsplit("/", 1)[-1] == key]
    return {"kms:ResourceAliases": names} if names else {}


def _principal(access_key: str) -> str:
    if not access_key:
        return "anonymous"
    found = iam_evaluator.resolve_caller_identity(access_key)
    return str(found["userArn"]) if found else f"unknown key {access_key}"

"""What ECS does in the name of the task's execution role, judged by that role's policies.

Source: Amazon ECS Developer Guide, "Task execution IAM role"; Amazon ECR User Guide, "Using Amazon ECR images with
Amazon ECS" (the four pull actions); "Pass Secrets Manager secrets" and "Pass Systems Manager parameters" with the key:
version forms of valueFrom.
"""

import re
from typing import Any

from ministack.core.iam_evaluator import AuthError, EvalContext, EvalResult
from ministack.core.responses import get_account_id, get_region
from ministack.services import ecs, secretsmanager, ssm

from local.aws.ecs.runtime import StartError
from local.aws.iam.enforcement import Enforcement
from local.aws.iam.sessions import RoleSessions, TrustError, check_trust
from local.aws.network import reach
from local.aws.network.origin import of_session

_IMAGE = re.compile(r"(?P<account>\d{12})\.dkr\.ecr\.(?P<region>[\w-]+)\.[^/]+/(?P<repository>[^:@]+)")
_PULL = ("ecr:BatchCheckLayerAvailability", "ecr:GetDownloadUrlForLayer", "ecr:BatchGetImage")
_RETRIEVAL = (
    "ResourceInitializationError: unable to pull secrets or registry auth: execution resource retrieval failed: "
)


class ExecutionRole:
    """One task's execution role. Needs a request scope (account, Region)."""

    def __init__(
        self, arn: str, task_arn: str, network: dict[str, Any], sessions: RoleSessions, enforcement: Enforcement
    ) -> None:
        self._arn, self._sessions, self._enforcement = arn, sessions, enforcement
        self._task_id, self._network = task_arn.rsplit("/", 1)[-1], network
        if arn:
            try:
                check_trust(arn, "ecs-tasks.amazonaws.com", {"aws:SourceArn": task_arn})
            except TrustError as error:
                raise StartError(
                    f"ECS was unable to assume the role '{arn}' that was provided for this task. {error}"
                ) from error

    def access_key(self) -> str:
        """The access key of its session for this task; "" without a role."""
        return self._sessions.of(self._arn, self._task_id, self._network).access_key if self._arn else ""

    def denial(self, action: str, resource: str) -> str | None:
        """Why the role may not do it, or None."""
        if not self._arn:
            return f"no execution role was given, so nobody may perform: {action} on resource: {resource}"
        service = action.split(":")[0]
        # Asked for anew each time: a task may outlive a session.
        decision = self._enforcement.enforce(self.access_key(), action, service, get_region(), resource)
        if decision is None:
            return None
        if isinstance(decision, AuthError):
            return decision.message
        who = decision.principal_arn if isinstance(decision, EvalResult) else self._arn
        return (
            f"User: {who} is not authorized to perform: {action} on resource: {resource} because no "
            f"identity-based policy allows the {action} action"
        )

    def may_pull(self, image: str) -> None:
        """Raise StartError unless the role may pull the image from its ECR repository."""
        parts = _IMAGE.match(image)
        if parts is None:
            return  # not an ECR address: the images file decides
        if denied := self.denial("ecr:GetAuthorizationToken", "*"):
            raise StartError(
                _RETRIEVAL + "unable to retrieve ecr registry auth: service call has been retried 1 time(s): "
                f"AccessDeniedException: {denied}"
            )
        repository = f"arn:aws:ecr:{parts['region']}:{parts['account']}:repository/{parts['repository']}"
        for action in _PULL:
            if denied := self.denial(action, repository):
                raise StartError(
                    f"CannotPullContainerError: pull image manifest has been retried 1 time(s): failed to resolve ref "
                    f"{image}: 403 Forbidden: {denied}"
                )

        self._may_get_layers(image, parts["region"])

    def _may_get_layers(self, image: str, region: str) -> None:
        """Layers come from a bucket of ECR's, by addresses that ECR signs: only the network can be in the way."""
        origin = of_session(self._sessions.of(self._arn, self._task_id, self._network).access_key)
        layers = f"arn:aws:s3:::prod-{region}-starport-layer-bucket/layer"
        signer = EvalContext("arn:aws:iam::aws:role/ecr", "AssumedRole", "aws", "s3:GetObject", layers, region)
        reason = reach.denial(origin, "s3", region, signer) if origin else None
        if reason:
            raise StartError(f"CannotPullContainerError: pull image layers of {image}: {reason}")

    def secrets(self, container: dict[str, Any]) -> dict[str, str]:
        """The container's secrets by variable name. Raises StartError when one may not or cannot be read."""
        found: dict[str, str] = {}
        for secret in container.get("secrets") or []:
            action, resource = _secret_call(secret["valueFrom"])
            if denied := self.denial(action, resource):
                raise StartError(_RETRIEVAL + f"unable to retrieve secret: AccessDeniedException: {denied}")
            found |= _parameter(secret) if action.startswith("ssm:") else _secret(secret)
        return found


def _parameter(secret: dict[str, str]) -> dict[str, str]:
    value = ssm.resolve_parameter_value(secret["valueFrom"], decrypt=True)
    if value is None:
        raise StartError(_RETRIEVAL + f"unable to retrieve secrets from ssm: invalid parameters: {secret['valueFrom']}")
    return {secret["name"]: value}


def _secret(secret: dict[str, str]) -> dict[str, str]:
    try:
        found: dict[str, str] = ecs._resolve_container_secrets({"secrets": [secret]})
    except ecs._SecretResolutionError as error:
        raise StartError(_RETRIEVAL + str(error)) from error
    return found


def _secret_call(value_from: str) -> tuple[str, str]:
    """(action, resource) that reading a secret is judged on; Secrets Manager judges on the stored ARN."""
    if ":secretsmanager:" in value_from:
        arn = ":".join(value_from.split(":")[:7])
        _, stored = secretsmanager._resolve(arn, use_arn_scope=True)
        return "secretsmanager:GetSecretValue", stored["ARN"] if stored else arn
    if value_from.startswith("arn:"):
        return "ssm:GetParameters", value_from
    return "ssm:GetParameters", f"arn:aws:ssm:{get_region()}:{get_account_id()}:parameter/{value_from.lstrip('/')}"

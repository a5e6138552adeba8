"""A log group under a customer key: the key's policy must let the Logs service of the Region use it for that group.

Source: Amazon CloudWatch Logs User Guide, "Encrypt log data using AWS Key Management Service": principal
logs.<region>.amazonaws.com, condition kms:EncryptionContext:aws:logs:arn; else CreateLogGroup
answers InvalidParameterException. Checked for the API and for AWS::Logs::LogGroup alike.
"""

from collections.abc import Callable
from typing import Any

from ministack.core import iam_evaluator
from ministack.core.responses import error_response_json, get_account_id, get_region
from ministack.services import cloudwatch_logs, kms
from ministack.services.cloudformation import provisioners

Json = dict[str, Any]
_NEEDED = ("kms:Encrypt", "kms:Decrypt", "kms:ReEncryptFrom", "kms:GenerateDataKey", "kms:DescribeKey")


class KeyNotUsableError(ValueError):
    """The key does not exist or does not let the Logs service in."""


def install() -> None:
    """Check before a key is bound to a group."""
    cloudwatch_logs._create_log_group = _checked(cloudwatch_logs._create_log_group)
    handlers = provisioners._RESOURCE_HANDLERS["AWS::Logs::LogGroup"]
    create, update = handlers["create"], handlers["update"]

    def created(logical_id: str, properties: Json, stack: str) -> Any:
        _check_template(properties)
        return create(logical_id, properties, stack)

    def updated(physical_id: str, old: Json, new: Json, *more: str) -> Any:
        _check_template(new)
        return update(physical_id, old, new, *more)

    handlers |= {"create": created, "update": updated}


def check_key(key: str, group: str) -> None:
    """Raise KeyNotUsableError unless the key's policy lets the Logs service use it for the group."""
    found = kms._resolve_key(key)
    arn = f"arn:aws:logs:{get_region()}:{get_account_id()}:log-group:{group}"
    service = f"logs.{get_region()}.amazonaws.com"
    for action in _NEEDED if found else ():
        context = iam_evaluator.EvalContext(
            principal_arn=service,
            principal_type="Service",
            principal_account=get_account_id(),
            action=action,
            resource_arn=found["Arn"],
            region=get_region(),
            service_context={"kms:encryptioncontext:aws:logs:arn": arn},
        )
        decision = iam_evaluator.evaluate_resource_policy(found.get("Policy"), context, service=service)
        if decision.decision != "Allow":
            found = None
            break
    if not found:
        raise KeyNotUsableError(
            f"The specified KMS key does not exist or is not allowed to be used with LogGroup '{arn}'"
        )


def _checked(stock: Callable[[Json], tuple]) -> Callable[[Json], tuple]:
    def call(data: Json) -> tuple:
        if data.get("kmsKeyId"):
            try:
                check_key(data["kmsKeyId"], str(data.get("logGroupName", "")))
            except KeyNotUsableError as error:
                return error_response_json("InvalidParameterException", str(error), 400)
        return stock(data)

    return call


def _check_template(properties: Json) -> None:
    if properties.get("KmsKeyId"):
        check_key(properties["KmsKeyId"], str(properties.get("LogGroupName", "")))

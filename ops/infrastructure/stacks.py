"""What CloudFormation has: stacks with template, parameters and state, and why one failed."""

import json
import time
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import ClientError

from ops.errors import UserError
from ops.workspace import Workspace

USABLE = {
    "CREATE_COMPLETE",
    "UPDATE_COMPLETE",
    "UPDATE_ROLLBACK_COMPLETE",
    "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS",
    "IMPORT_COMPLETE",
}
# Events that follow from a failure and explain nothing.
_ECHOES = ("Resource creation cancelled", "Resource update cancelled", "The following resource(s) failed")


@dataclass(frozen=True)
class DeployedStack:
    name: str
    status: str
    template: dict[str, Any] = field(repr=False)
    parameters: Mapping[str, str]

    @property
    def usable(self) -> bool:
        """Created to its end at some time; a later update may have been rolled back."""
        return self.status in USABLE


def deployed_stack(workspace: Workspace, name: str) -> DeployedStack | None:
    """The stack as CloudFormation has it, or None."""
    cloudformation = workspace.client("cloudformation")
    try:
        [found] = cloudformation.describe_stacks(StackName=name)["Stacks"]
        body = cloudformation.get_template(StackName=name)["TemplateBody"]
    except ClientError as error:
        if error.response["Error"]["Code"] == "ValidationError":  # "Stack with id … does not exist"
            return None
        raise
    given = {p["ParameterKey"]: p.get("ParameterValue", "") for p in found.get("Parameters", [])}
    template = json.loads(body) if isinstance(body, str) else dict(body)
    return DeployedStack(name, found["StackStatus"], template, given)


def stack_exists(workspace: Workspace, name: str) -> bool:
    """Whether the stack was created to its end."""
    return _status_or_none(workspace, name) in USABLE


def set_parameters(workspace: Workspace, name: str, values: Mapping[str, str], *, minutes: float) -> None:
    """Update a stack with its deployed template and other parameters, and wait; UserError with the failed resource."""
    stack = deployed_stack(workspace, name)
    if stack is None:
        raise UserError(f"stack {name} does not exist; run `tasklane deploy --env {workspace.environment_name}`")
    changed = {key: value for key, value in values.items() if stack.parameters.get(key) != value}
    if not changed:
        return
    kept = [{"ParameterKey": key, "UsePreviousValue": True} for key in stack.parameters if key not in changed]
    set_now = [{"ParameterKey": key, "ParameterValue": value} for key, value in changed.items()]
    cloudformation = workspace.client("cloudformation")
    cloudformation.update_stack(
        StackName=name,
        UsePreviousTemplate=True,
        Parameters=[*kept, *set_now],
        Capabilities=["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM"],
    )
    status = settled(workspace, name, minutes=minutes)
    if status != "UPDATE_COMPLETE":
        raise UserError(f"stack {name} is {status}:\n{failure(workspace, name)}")


def settled(workspace: Workspace, name: str, *, minutes: float) -> str:
    """Wait for what CloudFormation is doing to a stack, ours or that of a deployment that was killed; its status."""
    until, pause = time.monotonic() + minutes * 60, 0.2
    while is_busy(status := _status(workspace, name)):
        if time.monotonic() > until:
            raise UserError(f"stack {name} is still {status} after {minutes:g} minutes; watch it in CloudFormation")
        time.sleep(pause)
        pause = min(pause * 1.5, 15)
    return status


def is_busy(status: str) -> bool:
    """Whether CloudFormation is at work; REVIEW_IN_PROGRESS means a change set that nobody has carried out."""
    return status.endswith("_IN_PROGRESS") and status not in USABLE and status != "REVIEW_IN_PROGRESS"


def free_failed_creations(workspace: Workspace, names: Iterable[str]) -> list[str]:
    """Take the deletion protection off stacks whose creation was rolled back: empty, and in the way of the next one.

    The CDK CLI removes such a stack before it creates it anew, which CloudFormation refuses for a protected one.
    """
    freed = [name for name in names if _status_or_none(workspace, name) in ("ROLLBACK_COMPLETE", "ROLLBACK_FAILED")]
    for name in freed:
        workspace.client("cloudformation").update_termination_protection(
            StackName=name, EnableTerminationProtection=False
        )
    return freed


def busy_stacks(workspace: Workspace, names: Iterable[str]) -> list[str]:
    """Those of the named stacks that CloudFormation is at work on; asked for all at once."""
    with ThreadPoolExecutor(max_workers=8) as pool:
        statuses = pool.map(lambda name: (name, _status_or_none(workspace, name)), names)
        return [name for name, status in statuses if status and is_busy(status)]


def failure(workspace: Workspace, name: str) -> str:
    """The resources that failed in the last operation on a stack, each with its reason; "" when none did."""
    events = workspace.client("cloudformation").describe_stack_events(StackName=name)["StackEvents"]
    causes: list[str] = []
    for event in events:  # newest first, back to the start of the operation
        reason = event.get("ResourceStatusReason", "")
        if event["ResourceStatus"].endswith("_FAILED") and not reason.startswith(_ECHOES):
            place = f"{event['LogicalResourceId']} ({event['ResourceType']})"
            causes.append(f"    {name}: {place} {event['ResourceStatus']}: {reason or 'no reason given'}")
        if event["LogicalResourceId"] == name and event["ResourceStatus"] in (
            "CREATE_IN_PROGRESS",
            "UPDATE_IN_PROGRESS",
        ):
            break
    return "\n".join(reversed(causes))


def _status_or_none(workspace: Workspace, name: str) -> str | None:
    try:
        return _status(workspace, name)
    except ClientError as error:
        if error.response["Error"]["Code"] == "ValidationError":  # "Stack with id … does not exist"
            return None
        raise


def _status(workspace: Workspace, name: str) -> str:
    [found] = workspace.client("cloudformation").describe_stacks(StackName=name)["Stacks"]
    return str(found["StackStatus"])

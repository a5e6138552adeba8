"""A log group as the target of an EventBridge rule, which ministack leaves out.

Source: Amazon EventBridge User Guide, "CloudWatch Logs log group" as a target and "CloudWatch Logs permissions": a
resource policy of CloudWatch Logs must let events.amazonaws.com create streams and put events; without it the event is
lost, silently, as on AWS.
"""

import json
import time
from collections.abc import Callable
from typing import Any

from ministack.core import iam_evaluator
from ministack.core.responses import get_account_id, get_region, new_uuid
from ministack.services import cloudwatch_logs, eventbridge

Json = dict[str, Any]
_SERVICE = "events.amazonaws.com"
_stock: Callable[..., None] = eventbridge._invoke_target


def install() -> None:
    """Put our kind of target in front of ministack's (looked up at each event)."""
    eventbridge._invoke_target = _invoke


def _invoke(target: Json, event: Json, rule: Any, view: Any = None) -> None:
    arn = str(target.get("Arn", ""))
    if ":log-group:" not in arn:
        _stock(target, event, rule, view)
        return
    group = arn.split(":log-group:", 1)[1].removesuffix(":*")
    if group in cloudwatch_logs._log_groups and _may_write(f"{arn.removesuffix(':*')}:log-stream:"):
        _write(group, (view or eventbridge._pattern_event_view(event)).event_with_detail())


def _may_write(resource: str) -> bool:
    context = iam_evaluator.EvalContext(
        principal_arn=_SERVICE,
        principal_type="Service",
        principal_account=get_account_id(),
        action="logs:PutLogEvents",
        resource_arn=resource,
        region=get_region(),
    )
    policies = [policy["policyDocument"] for policy in cloudwatch_logs._resource_policies.values()]
    decisions = [iam_evaluator.evaluate_resource_policy(one, context, service=_SERVICE).decision for one in policies]
    return "Allow" in decisions and "Deny" not in decisions


def _write(group: str, event: Json) -> None:
    where = {"logGroupName": group, "logStreamName": str(event.get("id") or new_uuid())}
    cloudwatch_logs._create_log_stream(where)
    message = json.dumps(event)
    cloudwatch_logs._put_log_events(
        {**where, "logEvents": [{"timestamp": int(time.time() * 1000), "message": message}]}
    )

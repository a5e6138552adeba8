"""EventBridge events of tasks that change state.

Source: Amazon ECS Developer Guide, "Amazon ECS task state change events": source aws.ecs, detail-type "ECS Task State
Change", resources the task, detail the Task document with times in ISO 8601.
"""

import json
from datetime import UTC, datetime
from typing import Any

from ministack.core.responses import request_scope
from ministack.services import eventbridge

from local.aws.ecs.records import public

Json = dict[str, Any]
_TIMES = ("connectivityAt", "createdAt", "pullStartedAt", "pullStoppedAt", "startedAt", "stoppingAt", "stoppedAt")


def wanted(scope: tuple[str, str]) -> bool:
    """Whether any rule could be interested (most deployments have none: no event is made then)."""
    with request_scope(*scope):
        return bool(eventbridge._rules)


def publish(record: Json, scope: tuple[str, str]) -> None:
    """Put one event on the default bus. Targets are called here: not for the agent's own thread."""
    detail = {key: value for key, value in public(record).items() if key != "tags"}
    detail |= {key: _iso(detail[key]) for key in _TIMES if key in detail} | {"updatedAt": _iso(None)}
    entry = {
        "Source": "aws.ecs",
        "DetailType": "ECS Task State Change",
        "Detail": json.dumps(detail),
        "Resources": [record["taskArn"]],
    }
    with request_scope(*scope):
        eventbridge._put_events({"Entries": [entry]}, allow_aws_source=True)


def _iso(seconds: float | None) -> str:
    moment = datetime.now(UTC) if seconds is None else datetime.fromtimestamp(seconds, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")

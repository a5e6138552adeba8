"""EventBridge events of jobs (AWS Batch User Guide, "AWS Batch events": source aws.batch, Batch Job State Change)."""

import json
from typing import Any

from ministack.core.responses import request_scope
from ministack.services import eventbridge

from local.aws.batch.details import detail
from local.aws.batch.job import Job
from local.aws.ecs.loop import Loop

Json = dict[str, Any]


def wanted(scope: tuple[str, str]) -> bool:
    """Whether any rule could be interested."""
    with request_scope(*scope):
        return bool(eventbridge._rules)


def publish_later(loop: Loop, job: Job) -> None:
    """Put the job's present state on the default bus, from another thread: targets are called there."""
    entry = {
        "Source": "aws.batch",
        "DetailType": "Batch Job State Change",
        "Detail": json.dumps(detail(job)),
        "Resources": [job.arn],
    }
    loop.offload(lambda: _put(entry, job.scope), lambda _: None)


def _put(entry: Json, scope: tuple[str, str]) -> None:
    with request_scope(*scope):
        eventbridge._put_events({"Entries": [entry]}, allow_aws_source=True)

"""AWS by botocore's own stubber: every request is checked against the API model, every answer's shape is AWS's."""

from __future__ import annotations

import asyncio
import datetime as dt
import io
import time
from typing import Any

import boto3
from botocore.response import StreamingBody
from botocore.stub import ANY, Stubber

from lanes.attempts.attempt_run import AttemptRun
from lanes.attempts.outcome import Outcome
from lanes.aws.calls import AwsCalls
from lanes.aws.logs import LogReader
from lanes.ecs.engine import EcsEngine
from lanes.ecs.poller import EcsPoller

ARN = "arn:aws:ecs:eu-central-1:111122223333:task/tasklane-dev/0123456789abcdef"
NOW = dt.datetime(2026, 11, 20, 10, tzinfo=dt.UTC)
STREAM = "microbiome/microbiome/0123456789abcdef"


class StubbedAws:
    """The three clients; `done()` fails on a call that was expected and not made."""

    def __init__(self) -> None:
        self.clients = {
            name: boto3.client(name, region_name="eu-central-1", aws_access_key_id="x", aws_secret_access_key="x")
            for name in ("ecs", "logs", "s3")
        }
        stubs = {name: Stubber(client) for name, client in self.clients.items()}
        self.ecs, self.logs, self.s3 = stubs["ecs"], stubs["logs"], stubs["s3"]
        for stub in stubs.values():
            stub.activate()

    def done(self) -> None:
        for stub in (self.ecs, self.logs, self.s3):
            stub.assert_no_pending_responses()

    def run(self, launch: Any, look_first: bool = False) -> tuple[Outcome, list[str]]:
        """The attempt's outcome and the last lines of its log."""

        async def attempt() -> tuple[Outcome, list[str]]:
            calls = AwsCalls(self.clients)
            logs = LogReader(calls, launch.log_group)
            prepared_at = 0.0 if look_first else time.time()
            engine = EcsEngine(launch, calls, EcsPoller(calls, launch.cluster), prepared_at)
            run = AttemptRun(launch, engine, logs)
            return await run.run(), run.last_lines

        return asyncio.run(attempt())

    def expect_start(self, launch: Any, arn: str = ARN) -> None:
        request = launch.request(0, launch.sizes[0], spot=False)
        self.ecs.add_response("run_task", {"tasks": [task("PROVISIONING", arn=arn)], "failures": []}, request)

    def expect_description(self, *tasks: dict[str, Any]) -> None:
        for described in tasks:
            request = {"cluster": "tasklane-dev", "tasks": [described["taskArn"]]}
            self.ecs.add_response("describe_tasks", {"tasks": [described], "failures": []}, request)

    def expect_log(self, *lines: str, stream: str = STREAM) -> None:
        request = {"logGroupName": "/tasklane/dev/microbiome", "logStreamNames": [stream], "limit": 10_000}
        stamp = int(NOW.timestamp() * 1000)
        events = [
            {"timestamp": stamp + n, "message": line, "eventId": f"{stream}/{n}", "logStreamName": stream}
            for n, line in enumerate(lines)
        ]
        self.logs.add_response("filter_log_events", {"events": events}, {**request, "startTime": ANY})

    def expect_result(self, body: bytes) -> None:
        stream = StreamingBody(io.BytesIO(body), len(body))
        self.s3.add_response(
            "get_object", {"Body": stream, "ContentLength": len(body)}, {"Bucket": "b", "Key": "r.json"}
        )


def task(status: str = "STOPPED", exit_code: int | None = None, arn: str = ARN, **more: Any) -> dict[str, Any]:
    """A task as DescribeTasks gives it; one with an exit code has started."""
    container = {"name": "microbiome", "lastStatus": status}
    if exit_code is not None:
        container["exitCode"] = exit_code
    container.update(more.pop("container", {}))
    started = {"startedAt": NOW} if "exitCode" in container else {}
    return {
        "taskArn": arn,
        "lastStatus": status,
        "desiredStatus": "STOPPED" if status == "STOPPED" else "RUNNING",
        "containers": [container],
        "cpu": "1024",
        "memory": "2048",
        "createdAt": NOW,
        **started,
        **more,
    }

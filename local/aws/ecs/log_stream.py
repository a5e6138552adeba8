"""The awslogs driver: creates the stream and puts events, both judged with the task's execution role.

Source: Amazon ECS Developer Guide, "Send Amazon ECS logs to CloudWatch" and "Task execution IAM role": the container
agent calls CreateLogStream and PutLogEvents (CreateLogGroup with awslogs-create-group) with the execution role.
"""

import json
from collections.abc import Callable

from ministack.services import cloudwatch_logs

from local.aws.ecs.output import Event
from local.aws.ecs.runtime import StartError

Judge = Callable[[str, str], str | None]  # (action, resource) -> why it is denied, or None


class LogStream:
    """One container's stream. Needs a request scope (account, Region) around each call."""

    def __init__(self, options: dict[str, str], container: str, task_id: str, arn_prefix: str, judge: Judge) -> None:
        self.group = options["awslogs-group"]
        self.name = f"{options.get('awslogs-stream-prefix', '')}/{container}/{task_id}".lstrip("/")
        self._create_group = options.get("awslogs-create-group") == "true"
        self._arn = f"{arn_prefix}:log-group:{self.group}:log-stream:{self.name}"
        self._judge = judge
        self.dropped = 0  # events that the role may not write

    def create(self) -> None:
        """Raises StartError as ECS does when the logging driver cannot start."""
        if self._create_group:
            self._call(cloudwatch_logs._create_log_group, "logs:CreateLogGroup", {"logGroupName": self.group})
        names = {"logGroupName": self.group, "logStreamName": self.name}
        self._call(cloudwatch_logs._create_log_stream, "logs:CreateLogStream", names)

    def put(self, events: list[Event]) -> None:
        """Append events; those a role may not write are counted, as the driver drops them."""
        if self._judge("logs:PutLogEvents", self._arn):
            self.dropped += len(events)
            return
        status, _, _ = cloudwatch_logs._put_log_events(
            {
                "logGroupName": self.group,
                "logStreamName": self.name,
                "logEvents": [{"timestamp": when, "message": line} for when, line in events],
            }
        )
        if status >= 400:  # the group was deleted under the task
            self.dropped += len(events)

    def _call(self, function: Callable[[dict[str, str]], tuple], action: str, names: dict[str, str]) -> None:
        denied = self._judge(action, self._arn)
        if denied:
            raise StartError(_INITIALISE + f"AccessDeniedException: {denied}")
        status, _, body = function(names)
        answer = json.loads(body or b"{}")
        if status >= 400 and answer.get("__type", "").rsplit("#", 1)[-1] != "ResourceAlreadyExistsException":
            raise StartError(_INITIALISE + f"{answer.get('__type')}: {answer.get('message')}")


_INITIALISE = (
    "ResourceInitializationError: failed to validate logger args: create stream has been retried 1 times: "
    "failed to create Cloudwatch log stream: "
)

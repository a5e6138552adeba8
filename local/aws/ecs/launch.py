"""What happens between PENDING and RUNNING: image, log stream, secrets, credentials, environment, start.

Source: Amazon ECS Developer Guide, "Task execution IAM role" (image pull, awslogs and secrets use the execution role),
"Pass sensitive data to a container", "Task metadata endpoint version 4", "Task IAM role".
"""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ministack.core.iam_evaluator import pin_request_origin
from ministack.core.responses import get_account_id, get_region
from ministack.services import ecs_metadata

from local.aws.credentials import Credentials
from local.aws.ecs.containers import container_spec
from local.aws.ecs.engines import EngineRuntime
from local.aws.ecs.execution_role import ExecutionRole
from local.aws.ecs.images import ImageEntry, Images
from local.aws.ecs.log_stream import LogStream
from local.aws.ecs.processes import ProcessRuntime
from local.aws.ecs.pulls import Puller
from local.aws.ecs.runtime import Container, Runtime, StartError
from local.aws.faults.switch import FaultSwitch
from local.aws.iam.enforcement import Enforcement
from local.aws.iam.sessions import RoleSessions, TrustError, check_trust
from local.aws.options import Options

Json = dict[str, Any]


@dataclass
class Started:
    """A started container and what must be taken back at its end."""

    container: Container
    log: LogStream | None
    memory_mib: int
    credentials_uri: str
    metadata_token: str
    image_digest: str = ""


class Launcher:
    """Starts one container of a task. Needs a request scope (account, Region)."""

    def __init__(
        self,
        options: Options,
        mark: str,
        enforcement: Enforcement,
        credentials: Credentials,
        sessions: RoleSessions,
        faults: FaultSwitch,
        puller: Puller,
    ) -> None:
        self._options, self._mark, self._faults, self._puller = options, mark, faults, puller
        self._enforcement, self._credentials, self._sessions = enforcement, credentials, sessions
        self._images = Images(options.images)
        self._scratch = options.state / "scratch"
        shutil.rmtree(self._scratch, ignore_errors=True)  # what a killed emulator left
        self.engine_used: Callable[[str], None] = lambda engine: None

    def start(self, task: Json, definition: Json, container: Json, network: Json) -> Started:
        """Raises StartError with the reason that ECS gives."""
        pin_request_origin("127.0.0.1", True)
        role = self._execution_role(task, definition, network)
        if reason := self._faults.pull_error(task):
            raise StartError(reason)
        role.may_pull(container["image"])
        entry = self._images.find(container["image"])
        if entry.pulled:
            entry = self._puller.pull(entry, container["image"], role.access_key())
        task_id = task["taskArn"].rsplit("/", 1)[-1]
        log = self._log_stream(container, task_id, role)
        environment, uri = self._task_credentials(task, definition, task_id, network)
        environment |= role.secrets(container)
        token = self._register_metadata(task, definition, container, task_id)
        environment["ECS_CONTAINER_METADATA_URI_V4"] = f"{self._options.endpoint}/v4/{token}"
        spec = container_spec(task, definition, container, environment, self._scratch / task_id / container["name"])
        started = self._runtime(entry).start(spec)
        return Started(started, log, spec.memory_mib, uri, token, container["image"].partition("@")[2])

    def clean_up(self, task_id: str, started: list[Started]) -> None:
        """Take back credentials and metadata, remove the scratch folder."""
        for one in started:
            self._credentials.revoke(one.credentials_uri)
            ecs_metadata.unregister_token(one.metadata_token)
        shutil.rmtree(self._scratch / task_id, ignore_errors=True)

    def _execution_role(self, task: Json, definition: Json, network: Json) -> ExecutionRole:
        arn = task["overrides"].get("executionRoleArn") or definition.get("executionRoleArn") or ""
        return ExecutionRole(arn, task["taskArn"], network, self._sessions, self._enforcement)

    def _log_stream(self, container: Json, task_id: str, role: ExecutionRole) -> LogStream | None:
        configuration = container.get("logConfiguration") or {}
        if configuration.get("logDriver") != "awslogs":
            return None
        options = configuration.get("options") or {}
        region = options.get("awslogs-region", get_region())
        stream = LogStream(
            options, container["name"], task_id, f"arn:aws:logs:{region}:{get_account_id()}", role.denial
        )
        stream.create()
        return stream

    def _task_credentials(
        self, task: Json, definition: Json, task_id: str, network: Json
    ) -> tuple[dict[str, str], str]:
        environment = {
            "AWS_REGION": get_region(),
            "AWS_DEFAULT_REGION": get_region(),
            "AWS_ENDPOINT_URL": self._options.endpoint,
            "AWS_EXECUTION_ENV": "AWS_ECS_FARGATE",
        }
        role = task["overrides"].get("taskRoleArn") or definition.get("taskRoleArn")
        if not role:
            return environment, ""
        try:
            check_trust(role, "ecs-tasks.amazonaws.com", {"aws:SourceArn": task["taskArn"]})
        except TrustError as error:
            raise StartError(
                f"ECS was unable to assume the role '{role}' that was provided for this task. {error}"
            ) from error
        uri, token = self._credentials.issue(role, task_id, network)
        environment |= {"AWS_CONTAINER_CREDENTIALS_FULL_URI": uri, "AWS_CONTAINER_AUTHORIZATION_TOKEN": token}
        return environment, uri

    def _register_metadata(self, task: Json, definition: Json, container: Json, task_id: str) -> str:
        token = f"{self._mark}-{task_id}-{container['name']}"
        about_task = {
            "Cluster": task["clusterArn"],
            "TaskARN": task["taskArn"],
            "Family": definition["family"],
            "Revision": str(definition["revision"]),
            "DesiredStatus": "RUNNING",
            "KnownStatus": "RUNNING",
            "Limits": {"CPU": int(task["cpu"] or 0) / 1024, "Memory": int(task["memory"] or 0)},
            "AvailabilityZone": task["availabilityZone"],
            "LaunchType": task["launchType"],
        }
        labels = {"com.amazonaws.ecs.task-arn": task["taskArn"], "com.amazonaws.ecs.container-name": container["name"]}
        about_container = {"DockerId": token, "Name": container["name"], "Image": container["image"], "Labels": labels}
        ecs_metadata.register_container(token, task["taskArn"], about_task, about_container)
        return token

    def _runtime(self, entry: ImageEntry) -> Runtime:
        if entry.runtime == "process":
            return ProcessRuntime(entry.settings, self._options.state / "bytecode")
        if entry.runtime in ("podman", "docker"):
            return EngineRuntime(entry.settings, self._mark, self.engine_used)
        raise StartError(
            f"CannotPullContainerError: images file: runtime {entry.runtime!r} of {entry.repository} is unknown "
            "(allowed: process, podman, docker)"
        )

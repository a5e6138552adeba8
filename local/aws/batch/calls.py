"""The Batch API: from path to handler (AWS Batch API Reference; REST with JSON bodies)."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from local.aws.batch import authorisation, capacity, definitions, details, queues
from local.aws.batch.errors import BatchError, Denied, Response, answer
from local.aws.batch.scheduler import Scheduler
from local.aws.batch.store import JobStore
from local.aws.batch.submit import SubmitJob
from local.aws.iam.enforcement import Enforcement

Json = dict[str, Any]
_TAGS = "/v1/tags/"


@dataclass
class BatchCalls:
    """Takes the place of ministack's handle_request."""

    enforcement: Enforcement
    scheduler: Scheduler
    store: JobStore

    def __post_init__(self) -> None:
        self._handlers: dict[str, Callable[[Json], Json]] = {
            "createcomputeenvironment": capacity.create,
            "updatecomputeenvironment": capacity.update,
            "deletecomputeenvironment": capacity.delete,
            "describecomputeenvironments": capacity.describe,
            "createjobqueue": queues.create,
            "updatejobqueue": queues.update,
            "deletejobqueue": queues.delete,
            "describejobqueues": queues.describe,
            "registerjobdefinition": self._register,
            "deregisterjobdefinition": definitions.deregister,
            "describejobdefinitions": definitions.describe,
            "submitjob": SubmitJob(self.enforcement, self.scheduler, self.store),
            "describejobs": lambda data: details.describe(self.store, data),
            "listjobs": lambda data: details.list_jobs(self.store, data),
            "terminatejob": lambda data: self._end(data, "TerminateJob"),
            "canceljob": lambda data: self._end(data, "CancelJob"),
        }

    async def handle(self, method: str, path: str, headers: dict, body: bytes, query_params: dict) -> Response:
        """Serve a call."""
        try:
            if path.startswith(_TAGS):
                return answer(self._tags(method, unquote(path.removeprefix(_TAGS)), body, query_params))
            handler = self._handlers.get(path.rstrip("/").rsplit("/", 1)[-1].lower())
            if handler is None or method != "POST":
                raise BatchError(f"the local AWS has no Batch call {method} {path}")
            return answer(handler(json.loads(body or b"{}")))
        except BatchError as error:
            return error.response()
        except Denied as denied:
            return denied.response

    def _register(self, data: Json) -> Json:
        authorisation.judge_roles(self.enforcement, data.get("containerProperties") or {})
        return definitions.register(data)

    def _end(self, data: Json, action: str) -> Json:
        if not data.get("reason"):
            raise BatchError("Error executing request, Exception : reason must be given.")
        job = self.store.find(str(data.get("jobId", "")))
        if job:
            terminate = action == "TerminateJob"
            self.scheduler.tell(lambda: self.scheduler.end(job, str(data["reason"]), running=terminate))
        return {}

    def _tags(self, method: str, arn: str, body: bytes, query_params: dict) -> Json:
        tags = details.tags_of(self.store, arn)
        if tags is None:
            raise BatchError(f"Resource not found: {arn}")
        if method == "POST":
            tags.update(json.loads(body)["tags"])
        elif method == "DELETE":
            for key in query_params.get("tagKeys") or []:
                tags.pop(key, None)
        else:
            return {"tags": tags}
        if job := self.store.find(arn.rsplit("/", 1)[-1]):
            self.store.save(job)
        return {}

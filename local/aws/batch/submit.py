"""SubmitJob: judge, check, resolve, hand over to the scheduler.

Source: AWS Batch API Reference, SubmitJob (no client token: two calls make two jobs), ContainerOverrides; Service
Authorization Reference (judged on the job definition and the queue; batch:TagResource for tags given); User Guide, "Job
definition parameters" (`Ref::name` in the command).
"""

import copy
import json
import uuid
from dataclasses import dataclass
from typing import Any

from ministack.core.responses import get_account_id, get_region

from local.aws.batch import authorisation, definitions, queues
from local.aws.batch.definition_checks import check_requirements, check_retries, check_timeout
from local.aws.batch.errors import BatchError
from local.aws.batch.job import Job
from local.aws.batch.names import arn, checked
from local.aws.batch.scheduler import Scheduler
from local.aws.batch.store import JobStore
from local.aws.iam.enforcement import Enforcement

Json = dict[str, Any]
_LARGEST_BYTES, _DEPENDENCIES = 30 * 1024, 20


@dataclass
class SubmitJob:
    """The handler; the router has judged the caller on the job definition."""

    enforcement: Enforcement
    scheduler: Scheduler
    store: JobStore

    def __call__(self, data: Json) -> Json:
        """Answer a request. Raises BatchError and Denied."""
        name = checked(data.get("jobName"), "jobName")
        queue = queues.find(str(data.get("jobQueue", "")))
        authorisation.judge(self.enforcement, "SubmitJob", queue["jobQueueArn"], authorisation.request_tags(data))
        definition = definitions.to_run(str(data.get("jobDefinition", "")))
        if queue["state"] != "ENABLED":
            raise BatchError(f"Queue {queue['jobQueueName']} is not in ENABLED state")
        request = _resolved(data, name, definition, queue)
        self._check_dependencies(request)
        job_id = str(uuid.uuid4())
        job = Job(job_id, arn("job", job_id), request, (get_account_id(), get_region()))
        if request["tags"]:
            authorisation.judge(self.enforcement, "TagResource", job.arn, authorisation.request_tags(data))
        self.store.add(job)
        self.scheduler.submit(job)
        return {"jobArn": job.arn, "jobName": name, "jobId": job_id}

    def _check_dependencies(self, request: Json) -> None:
        if len(request["dependsOn"]) > _DEPENDENCIES:
            raise BatchError(f"Error executing request, Exception : dependsOn can have up to {_DEPENDENCIES} jobs.")
        for one in request["dependsOn"]:
            kind = one.get("type")
            if kind in ("SEQUENTIAL", "N_TO_N") and not request["size"]:
                raise BatchError(f"Error executing request, Exception : {kind} dependencies need an array job.")
            if kind == "SEQUENTIAL" and not one.get("jobId"):
                continue
            known = self.store.find(str(one.get("jobId")))
            if known is None:
                raise BatchError(f"Error executing request, Exception : Job {one.get('jobId')} does not exist.")
            if kind == "N_TO_N" and known.size != request["size"]:
                raise BatchError("Error executing request, Exception : N_TO_N dependencies need arrays of one size.")


def _resolved(data: Json, name: str, definition: Json, queue: Json) -> Json:
    if len(json.dumps(data)) > _LARGEST_BYTES:
        raise BatchError("Error executing request, Exception : the request is larger than 30 KiB.")
    size = (data.get("arrayProperties") or {}).get("size")
    if size is not None and not (isinstance(size, int) and 2 <= size <= 10_000):
        raise BatchError("Error executing request, Exception : array size must be between 2 and 10,000.")
    fargate = definition["platformCapabilities"] == ["FARGATE"]
    kinds = {str(one["computeResources"].get("type")) for one in queues.environments(queue)}
    if kinds and fargate != any(kind.startswith("FARGATE") for kind in kinds):
        raise BatchError(
            f"Error executing request, Exception : the job definition's platform {definition['platformCapabilities']} "
            f"does not go with the compute environments of queue {queue['jobQueueName']} ({', '.join(sorted(kinds))})."
        )
    retries = data.get("retryStrategy") or definition.get("retryStrategy") or {"attempts": 1, "evaluateOnExit": []}
    timeout = data.get("timeout") or definition.get("timeout") or {}
    check_retries(retries)
    check_timeout(timeout)
    parameters = {**(definition.get("parameters") or {}), **(data.get("parameters") or {})}
    container = _container(definition["containerProperties"], data.get("containerOverrides") or {}, parameters)
    check_requirements(container, fargate)
    return {
        "jobName": name,
        "jobQueue": queue["jobQueueArn"],
        "jobDefinition": definition["jobDefinitionArn"],
        "platformCapabilities": definition["platformCapabilities"],
        "container": container,
        "parameters": parameters,
        "retryStrategy": {"attempts": 1, "evaluateOnExit": [], **retries},
        "timeout": timeout,
        "dependsOn": data.get("dependsOn") or [],
        "propagateTags": data.get("propagateTags", definition.get("propagateTags", False)),
        "tags": data.get("tags") or {},
        "size": size or 0,
    }


def _container(properties: Json, overrides: Json, parameters: dict[str, str]) -> Json:
    container = copy.deepcopy(properties)
    if overrides.get("command"):
        container["command"] = list(overrides["command"])
    container["command"] = [_word(str(word), parameters) for word in container.get("command") or []]
    given = {pair["name"] for pair in overrides.get("environment") or []}
    for pair in overrides.get("environment") or []:
        if str(pair["name"]).startswith("AWS_BATCH"):
            raise BatchError("Error executing request, Exception : names of variables must not begin with AWS_BATCH.")
    kept = [pair for pair in container["environment"] if pair["name"] not in given]
    container["environment"] = [*kept, *(overrides.get("environment") or [])]
    asked = {one["type"]: one for one in overrides.get("resourceRequirements") or []}
    merged = {one["type"]: one for one in container["resourceRequirements"]} | asked
    container["resourceRequirements"] = list(merged.values())
    return container


def _word(word: str, parameters: dict[str, str]) -> str:
    return parameters.get(word.removeprefix("Ref::"), word) if word.startswith("Ref::") else word

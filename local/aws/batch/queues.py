"""Job queues (AWS Batch API Reference, CreateJobQueue; a queue has one to three compute environments in order)."""

from typing import Any

from ministack.services import batch

from local.aws.batch import capacity
from local.aws.batch.errors import BatchError
from local.aws.batch.names import arn, checked, name_of

Json = dict[str, Any]
_CHANGEABLE = ("state", "priority", "schedulingPolicyArn", "jobStateTimeLimitActions")


def create(data: Json) -> Json:
    """CreateJobQueue."""
    name = checked(data.get("jobQueueName"), "jobQueueName")
    if name in batch._job_queues:
        raise BatchError("Object already exists")
    if not isinstance(data.get("priority"), int) or data["priority"] < 0:
        raise BatchError("Error executing request, Exception : priority must be a number from 0.")
    document = {
        "jobQueueName": name,
        "jobQueueArn": arn("job-queue", name),
        "state": data.get("state") or "ENABLED",
        "status": "VALID",
        "statusReason": "JobQueue Healthy",
        "priority": data["priority"],
        "computeEnvironmentOrder": _order(data.get("computeEnvironmentOrder")),
        "tags": data.get("tags") or {},
    }
    if data.get("jobStateTimeLimitActions"):
        document["jobStateTimeLimitActions"] = data["jobStateTimeLimitActions"]
    batch._job_queues[name] = document
    return {key: document[key] for key in ("jobQueueName", "jobQueueArn")}


def update(data: Json) -> Json:
    """UpdateJobQueue."""
    document = find(data.get("jobQueue", ""))
    if "computeEnvironmentOrder" in data:
        document["computeEnvironmentOrder"] = _order(data["computeEnvironmentOrder"])
    document.update({key: data[key] for key in _CHANGEABLE if key in data})
    return {key: document[key] for key in ("jobQueueName", "jobQueueArn")}


def delete(data: Json) -> Json:
    """DeleteJobQueue: only a disabled one."""
    name = name_of(data.get("jobQueue", ""))
    document = batch._job_queues.get(name)
    if document is None:
        return {}
    if document["state"] != "DISABLED":
        raise BatchError("Cannot delete, state must be DISABLED")
    del batch._job_queues[name]
    return {}


def describe(data: Json) -> Json:
    """DescribeJobQueues: all of them, or those named."""
    wanted = data.get("jobQueues")
    names = {name_of(one) for one in wanted} if wanted else None
    known = batch._job_queues.values()
    return {"jobQueues": [one for one in known if names is None or one["jobQueueName"] in names]}


def find(reference: str) -> Json:
    """The queue of a name or ARN."""
    document: Json | None = batch._job_queues.get(name_of(reference))
    if document is None or (reference.startswith("arn:") and document["jobQueueArn"] != reference):
        raise BatchError(f"JobQueue {reference} not found")
    return document


def environments(queue: Json) -> list[Json]:
    """The queue's enabled compute environments in their order."""
    ordered = sorted(queue["computeEnvironmentOrder"], key=lambda one: int(one["order"]))
    found = (batch._compute_envs.get(name_of(one["computeEnvironment"])) for one in ordered)
    return [one for one in found if one and one["state"] == "ENABLED"]


def _order(given: Any) -> list[Json]:
    if not isinstance(given, list) or not 1 <= len(given) <= 3:
        raise BatchError("Error executing request, Exception : a job queue needs 1 to 3 compute environments.")
    found = [capacity.find(str(one.get("computeEnvironment"))) for one in given]
    if len({capacity.is_fargate(one["computeResources"]) for one in found}) > 1:
        raise BatchError(
            "Error executing request, Exception : Fargate and EC2 compute environments cannot be in one job queue."
        )
    return [
        {"order": int(one["order"]), "computeEnvironment": known["computeEnvironmentArn"]}
        for one, known in zip(given, found, strict=True)
    ]

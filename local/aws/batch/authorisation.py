"""What Batch calls are judged on beyond the router's first judgement.

Source: Service Authorization Reference, "Actions, resources, and condition keys for AWS Batch": SubmitJob on the job
definition and the queue; Cancel- and TerminateJob on the job with its tags (aws:ResourceTag); aws:RequestTag and
aws:TagKeys where tags are given; Describe- and List calls know no resource. RegisterJobDefinition passes roles to ECS.
"""

from typing import Any

from local.aws.batch.errors import Denied
from local.aws.batch.store import JobStore
from local.aws.iam.enforcement import Enforcement

Json = dict[str, Any]


def judge(enforcement: Enforcement, action: str, resource: str, context: Json | None = None) -> None:
    """Judge `batch:<action>` for the caller of the request. Raises Denied."""
    if denied := enforcement.deny_caller(f"batch:{action}", resource, context, service="batch"):
        raise Denied(denied)


def judge_roles(enforcement: Enforcement, container: Json) -> None:
    """iam:PassRole on the roles that a job definition names."""
    roles = (container.get("jobRoleArn"), container.get("executionRoleArn"))
    for role in dict.fromkeys(filter(None, roles)):
        context = {"iam:PassedToService": "ecs-tasks.amazonaws.com"}
        if denied := enforcement.deny_caller("iam:PassRole", str(role), context, service="batch"):
            raise Denied(denied)


def request_tags(data: Json) -> Json:
    """Condition keys of the tags that a request gives."""
    tags = data.get("tags") or {}
    keys = {f"aws:RequestTag/{key}": value for key, value in tags.items()}
    return {**keys, "aws:TagKeys": list(tags)} if tags else {}


def job_tags(store: JobStore, data: Json) -> Json:
    """Condition keys of the tags of the job that a request names; a child of an array has its parent's."""
    job = store.find(str(data.get("jobId", "")))
    return {f"aws:ResourceTag/{key}": value for key, value in (job.request["tags"] if job else {}).items()}

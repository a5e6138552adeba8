"""Job definitions and their revisions (AWS Batch API Reference: Register-, Describe-, DeregisterJobDefinition)."""

from typing import Any

from ministack.services import batch

from local.aws.batch.definition_checks import check_definition
from local.aws.batch.errors import BatchError
from local.aws.batch.names import arn, checked, name_of

Json = dict[str, Any]
_KEPT = ("parameters", "retryStrategy", "timeout", "propagateTags", "schedulingPriority", "platformCapabilities")
_PAGE = 100


def register(data: Json) -> Json:
    """RegisterJobDefinition: the next revision of the name. The caller's right to pass the roles is judged before."""
    name = checked(data.get("jobDefinitionName"), "jobDefinitionName")
    check_definition(data)
    revisions = batch._job_definitions.setdefault(name, [])
    revision = revisions[-1]["revision"] + 1 if revisions else 1
    container = dict(data["containerProperties"])
    for member in ("volumes", "environment", "mountPoints", "ulimits", "resourceRequirements", "secrets"):
        container.setdefault(member, [])
    document = {
        "jobDefinitionName": name,
        "jobDefinitionArn": arn("job-definition", f"{name}:{revision}"),
        "revision": revision,
        "status": "ACTIVE",
        "type": data["type"],
        "containerProperties": container,
        "containerOrchestrationType": "ECS",
        "tags": data.get("tags") or {},
        "platformCapabilities": ["EC2"],
        **{member: data[member] for member in _KEPT if data.get(member)},
    }
    revisions.append(document)
    return {key: document[key] for key in ("jobDefinitionName", "jobDefinitionArn", "revision")}


def deregister(data: Json) -> Json:
    """DeregisterJobDefinition: the revision becomes INACTIVE."""
    _revision(str(data.get("jobDefinition", "")))["status"] = "INACTIVE"
    return {}


def describe(data: Json) -> Json:
    """DescribeJobDefinitions by ARN or name:revision, by name, by status; pages of up to 100, newest first."""
    wanted = {name_of(one) for one in data.get("jobDefinitions") or []}
    found = [
        one
        for revisions in batch._job_definitions.values()
        for one in reversed(revisions)
        if data.get("jobDefinitionName") in (None, "", one["jobDefinitionName"])
        and data.get("status") in (None, "", one["status"])
        and (not wanted or wanted & {one["jobDefinitionName"], f"{one['jobDefinitionName']}:{one['revision']}"})
    ]
    start, size = int(data.get("nextToken") or 0), min(int(data.get("maxResults") or _PAGE), _PAGE)
    page: Json = {"jobDefinitions": found[start : start + size]}
    if start + size < len(found):
        page["nextToken"] = str(start + size)
    return page


def to_run(reference: str) -> Json:
    """What SubmitJob names: a revision, or the newest active one of a name. Raises BatchError."""
    name = name_of(reference)
    if ":" in name:
        document = _revision(reference)
        if document["status"] != "ACTIVE":
            raise BatchError(f"JobDefinition {reference} is not ACTIVE")
        return document
    active = [one for one in batch._job_definitions.get(name) or [] if one["status"] == "ACTIVE"]
    if not active:
        raise BatchError(f"JobDefinition {reference} not found")
    newest: Json = active[-1]
    return newest


def _revision(reference: str) -> Json:
    name, _, number = name_of(reference).partition(":")
    for one in batch._job_definitions.get(name) or []:
        if str(one["revision"]) == number and reference in (f"{name}:{number}", one["jobDefinitionArn"]):
            found: Json = one
            return found
    raise BatchError(f"JobDefinition {reference} not found")

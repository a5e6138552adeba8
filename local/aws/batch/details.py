"""Jobs as DescribeJobs and ListJobs answer them (AWS Batch API Reference: JobDetail, JobSummary, ContainerDetail)."""

from typing import Any

from ministack.services import batch

from local.aws.batch.errors import BatchError
from local.aws.batch.job import STATES, Job
from local.aws.batch.names import name_of
from local.aws.batch.queues import find
from local.aws.batch.store import JobStore

Json = dict[str, Any]
_DESCRIBED_AT_MOST = _LISTED_AT_MOST = 100
_FILTERS = ("JOB_NAME", "JOB_DEFINITION", "BEFORE_CREATED_AT", "AFTER_CREATED_AT")


def describe(store: JobStore, data: Json) -> Json:
    """DescribeJobs: up to 100 ids; unknown ones are left out."""
    wanted = data.get("jobs") or []
    if not 1 <= len(wanted) <= _DESCRIBED_AT_MOST:
        raise BatchError("Error executing request, Exception : between 1 and 100 jobs can be described in a call.")
    found = [store.find(str(one).rsplit("/", 1)[-1]) for one in wanted]
    return {"jobs": [detail(job) for job in found if job]}


def list_jobs(store: JobStore, data: Json) -> Json:
    """ListJobs: the jobs of a queue (newest first) or the children of an array (by index), by status or filter."""
    given = [name for name in ("jobQueue", "arrayJobId", "multiNodeJobId") if data.get(name)]
    if len(given) != 1:
        raise BatchError("Error executing request, Exception : one of jobQueue, arrayJobId, multiNodeJobId is needed.")
    status = data.get("jobStatus") or ("" if data.get("filters") else "RUNNING")
    if status and status not in STATES:
        raise BatchError(f"Error executing request, Exception : jobStatus must be one of {', '.join(STATES)}.")
    if data.get("arrayJobId"):
        parent = store.find(data["arrayJobId"])
        found = [child for child in (parent.children if parent else []) if status in ("", child.status)]
    elif data.get("jobQueue"):
        found = _of_queue(store, data, status)
    else:
        found = []
    start = int(data.get("nextToken") or 0)
    size = min(int(data.get("maxResults") or _LISTED_AT_MOST), _LISTED_AT_MOST)
    page: Json = {"jobSummaryList": [_summary(job) for job in found[start : start + size]]}
    if start + size < len(found):
        page["nextToken"] = str(start + size)
    return page


def detail(job: Job) -> Json:
    """JobDetail."""
    request = job.request
    document: Json = {
        "jobArn": job.arn,
        "jobName": request["jobName"],
        "jobId": job.id,
        "jobQueue": request["jobQueue"],
        "status": job.status,
        "attempts": list(job.attempts),
        "createdAt": job.created,
        "retryStrategy": request["retryStrategy"],
        "dependsOn": request["dependsOn"],
        "jobDefinition": request["jobDefinition"],
        "parameters": request["parameters"],
        "container": {**request["container"], **({} if job.size else job.attempt)},
        "tags": request["tags"],
        "propagateTags": request["propagateTags"],
        "platformCapabilities": request["platformCapabilities"],
        "isCancelled": job.ended_by == "isCancelled",
        "isTerminated": job.ended_by == "isTerminated",
    }
    document |= {"timeout": request["timeout"]} if request["timeout"] else {}
    document |= _array(job)
    return document | _times(job)


def _summary(job: Job) -> Json:
    told = {key: job.attempt[key] for key in ("exitCode", "reason") if key in job.attempt}
    return {
        "jobArn": job.arn,
        "jobId": job.id,
        "jobName": job.request["jobName"],
        "jobDefinition": job.request["jobDefinition"],
        "createdAt": job.created,
        "status": job.status,
        **({"container": told} if told else {}),
        **_array(job),
        **_times(job),
    }


def _times(job: Job) -> Json:
    given = {"statusReason": job.reason, "startedAt": job.started, "stoppedAt": job.stopped}
    return {key: value for key, value in given.items() if value}


def _array(job: Job) -> Json:
    if job.size:
        counts = dict(job.counts) or dict.fromkeys(STATES, 0)
        return {"arrayProperties": {"size": job.size, "statusSummary": counts}}
    return {"arrayProperties": {"index": job.index, "statusSummary": {}}} if job.parent else {}


def _of_queue(store: JobStore, data: Json, status: str) -> list[Job]:
    queue = find(data["jobQueue"])["jobQueueArn"]
    jobs = [job for job in store.all() if job.request["jobQueue"] == queue]
    for one in data.get("filters") or []:
        if one.get("name") not in _FILTERS or not one.get("values"):
            raise BatchError(f"Error executing request, Exception : filters must be one of {', '.join(_FILTERS)}.")
        jobs = [job for job in jobs if _passes(job, one["name"], [str(value) for value in one["values"]])]
    # With a filter, the status is ignored.
    listed = [job for job in jobs if data.get("filters") or status in ("", job.status)]
    return sorted(listed, key=lambda job: job.created, reverse=True)


def _passes(job: Job, name: str, values: list[str]) -> bool:
    if name == "JOB_NAME":
        return any(_like(job.request["jobName"].lower(), value.lower()) for value in values)
    if name == "JOB_DEFINITION":
        definition = name_of(job.request["jobDefinition"])
        base = definition.partition(":")[0]
        return any(_like(base, name_of(value)) or definition == name_of(value) for value in values)
    if name == "BEFORE_CREATED_AT":
        return job.created < int(values[0])
    return job.created > int(values[0])


def _like(text: str, pattern: str) -> bool:
    return text.startswith(pattern[:-1]) if pattern.endswith("*") else text == pattern


def tags_of(store: JobStore, arn: str) -> Json | None:
    """Where the tags of a resource are kept, None for an unknown one."""
    kind, _, name = arn.split(":", 5)[-1].partition("/")
    if kind == "job":
        job = store.find(name)
        return job.request["tags"] if job else None
    if kind == "job-definition":
        base, _, revision = name.partition(":")
        found = [one for one in batch._job_definitions.get(base) or [] if str(one["revision"]) == revision]
        return found[0]["tags"] if found else None
    known = {"job-queue": batch._job_queues, "compute-environment": batch._compute_envs}.get(kind, {})
    document = known.get(name)
    return document["tags"] if document else None

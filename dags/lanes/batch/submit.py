"""SubmitJob without a client token, and still no job twice.

A submission is looked for by its name before it is repeated: after a lost answer at once, by another process always.
ListJobs may lag behind SubmitJob, so a look that finds nothing is repeated for SETTLE_SECONDS before it is believed. A
request that arrives later still makes a twin: it is looked for once more, and ended.
"""

from __future__ import annotations

import asyncio
import contextvars
import logging
from typing import Any

from lanes.aws.calls import AwsCalls, CallRefused

log = logging.getLogger(__name__)

SETTLE_SECONDS = (1.0, 3.0, 6.0)
TWIN_SECONDS = 90.0
_later: set[asyncio.Task[None]] = set()


async def submit(calls: AwsCalls, request: dict[str, Any], twin_reason: str) -> str:
    """The job's id. `twin_reason` is what a second job of the same request would be terminated with."""
    doubted = False

    async def in_spite_of_all() -> dict[str, Any] | None:
        nonlocal doubted
        doubted = True
        found = await settled(calls, [request["jobQueue"]], request["jobName"])
        return found[0] if found else None

    answer = await calls.call("batch", "submit_job", in_doubt=in_spite_of_all, **request)
    job_id = str(answer["jobId"])
    if doubted:
        # An empty context: by then the log of this task may be closed.
        nobody = contextvars.Context()
        ending = asyncio.create_task(_end_twins(calls, request, job_id, twin_reason), context=nobody)
        _later.add(ending)
        ending.add_done_callback(_later.discard)
    return job_id


async def settled(calls: AwsCalls, queues: list[str], name: str) -> list[dict[str, Any]]:
    """Like `listed`, asked again for a while as long as nothing is found."""
    found = await listed(calls, queues, name)
    for seconds in SETTLE_SECONDS:
        if found:
            break
        await asyncio.sleep(seconds)
        found = await listed(calls, queues, name)
    return found


async def listed(calls: AwsCalls, queues: list[str], name: str) -> list[dict[str, Any]]:
    """JobSummaries of this name (an asterisk at its end: that begin so), the oldest first."""
    found: list[dict[str, Any]] = []
    for queue in queues:
        more: dict[str, Any] = {}
        while True:
            page = await calls.call(
                "batch", "list_jobs", jobQueue=queue, filters=[{"name": "JOB_NAME", "values": [name]}], **more
            )
            found += page["jobSummaryList"]
            if not page.get("nextToken"):
                break
            more = {"nextToken": page["nextToken"]}
    return sorted(found, key=lambda job: (job.get("createdAt", 0), job["jobId"]))


async def _end_twins(calls: AwsCalls, request: dict[str, Any], job_id: str, reason: str) -> None:
    await asyncio.sleep(TWIN_SECONDS)
    try:
        for job in await listed(calls, [request["jobQueue"]], request["jobName"]):
            if job["jobId"] != job_id and job["status"] not in ("SUCCEEDED", "FAILED"):
                log.warning("job %s is a second one of the same request: ending it", job["jobId"])
                await calls.call("batch", "terminate_job", jobId=job["jobId"], reason=reason)
    except CallRefused as refused:
        log.error("twins of job %s could not be looked for: %s", job_id, refused)

"""What the reaper sees of AWS Batch: the jobs of ours that have not ended, single ones and arrays."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from typing import Any

from lanes.attempts.identity import OURS
from lanes.attempts.reaper import Container, told

JOBS_PER_CALL = 100  # limit of DescribeJobs
OPEN = ("SUBMITTED", "PENDING", "RUNNABLE", "STARTING", "RUNNING")


def open_jobs(batch: Any, queues: Iterable[str]) -> list[Container]:
    """All jobs of lanes in `queues` that have not ended. An array is one job."""
    ids = []
    for queue in queues:
        for status in OPEN:
            pages = batch.get_paginator("list_jobs").paginate(jobQueue=queue, jobStatus=status)
            jobs = [job for page in pages for job in page["jobSummaryList"]]
            ids += [job["jobId"] for job in jobs if job["jobName"].startswith(f"{OURS}-")]
    found = []
    for start in range(0, len(ids), JOBS_PER_CALL):
        answer = batch.describe_jobs(jobs=ids[start : start + JOBS_PER_CALL])
        found += [container for job in answer["jobs"] if (container := _container(job))]
    return found


def _container(job: dict[str, Any]) -> Container | None:
    environment = {pair["name"]: pair["value"] for pair in job.get("container", {}).get("environment", [])}
    return told(job["jobId"], environment, dt.datetime.fromtimestamp(job["createdAt"] / 1000, dt.UTC))

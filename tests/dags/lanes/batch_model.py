"""AWS Batch as its pages describe it, in memory: SubmitJob without a token, a ListJobs that lags, jobs that end by a
given script, a clock of polls."""

from __future__ import annotations

import itertools
import time
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import ClientError, ReadTimeoutError

from tests.dags.lanes.ecs_model import Dead

START = int(time.time() * 1000)
# How a job ends: (exit code, reason of its status, reason of the container).
ENDS: dict[str, tuple[int | None, str, str]] = {
    "ok": (0, "Essential container in task exited", ""),
    "error": (1, "Essential container in task exited", ""),
    "input": (2, "Essential container in task exited", ""),
    "memory": (137, "Essential container in task exited", "OutOfMemoryError: Container killed due to memory usage"),
    "spot": (None, "Host EC2 (instance i-0a1b2c3d4e5f67890) terminated.", ""),
    "fargate spot": (143, "Your Spot Task was interrupted.", ""),
    "capacity": (None, "CAPACITY:INSUFFICIENT_INSTANCE_CAPACITY - Service cannot fulfill the capacity", ""),
    "image": (None, "Task failed to start", "CannotPullContainerError: not found"),
}


@dataclass
class BatchModel:
    """`ends` and `faults` are consumed one per job and one per call; then all goes well.

    Faults: "throttle" and "lost" (the call is not made, or made and its answer lost), "die" and "die after" (the
    process is killed before the call, or between the call and its answer). `lag` is how many ListJobs calls do not
    show a new job yet.
    """

    ends: list[str]
    faults: list[str | None] = field(default_factory=list)
    polls_per_job: int = 1
    lag: int = 0
    jobs: dict[str, dict[str, Any]] = field(default_factory=dict)
    requests: list[dict[str, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._ends = itertools.chain(self.ends, itertools.repeat("ok"))
        self._faults = itertools.chain(self.faults, itertools.repeat(None))
        self._left: dict[str, int] = {}
        self._hidden: dict[str, int] = {}

    def submit_job(self, **request: Any) -> dict[str, Any]:
        return self._faulty("SubmitJob", lambda: self._submit(request))

    def list_jobs(self, jobQueue: str, filters: list[dict[str, Any]]) -> dict[str, Any]:
        return self._faulty("ListJobs", lambda: {"jobSummaryList": self._listed(jobQueue, filters[0]["values"][0])})

    def describe_jobs(self, jobs: list[str]) -> dict[str, Any]:
        return self._faulty("DescribeJobs", lambda: {"jobs": [self._described(one) for one in jobs]})

    def terminate_job(self, jobId: str, reason: str) -> dict[str, Any]:
        return self._faulty("TerminateJob", lambda: self._end(jobId, 143, reason, "", isTerminated=True))

    def running(self) -> list[str]:
        return [one for one, job in self.jobs.items() if job["status"] == "RUNNING"]

    def _submit(self, request: dict[str, Any]) -> dict[str, Any]:
        job_id = f"job-{len(self.jobs):04d}"
        self.requests.append(request)
        self._left[job_id], self._hidden[job_id] = self.polls_per_job, self.lag
        self.jobs[job_id] = {
            "jobId": job_id, "jobName": request["jobName"], "jobQueue": request["jobQueue"], "status": "RUNNING",
            "createdAt": START + len(self.jobs), "startedAt": START + len(self.jobs),
            "container": {**request["containerOverrides"], "logStreamName": f"probe/default/{job_id}"},
            "end": next(self._ends),
        }  # fmt: skip
        return {"jobId": job_id, "jobName": request["jobName"]}

    def _listed(self, queue: str, name: str) -> list[dict[str, Any]]:
        found = []
        for job_id, job in self.jobs.items():
            fits = job["jobName"].startswith(name[:-1]) if name.endswith("*") else job["jobName"] == name
            if job["jobQueue"] == queue and fits:
                self._hidden[job_id] -= 1
                found += [job] if self._hidden[job_id] < 0 else []
        return found

    def _described(self, job_id: str) -> dict[str, Any]:
        job = self.jobs[job_id]
        if job["status"] == "RUNNING":
            self._left[job_id] -= 1
            if self._left[job_id] < 0:
                self._end(job_id, *ENDS[job["end"]])
        return dict(job)

    def _end(self, job_id: str, exit_code: int | None, why: str, container: str, **more: Any) -> dict[str, Any]:
        job = self.jobs[job_id]
        if job["status"] == "RUNNING":
            job.update(status="SUCCEEDED" if exit_code == 0 else "FAILED", statusReason=why, **more)
            job["container"] |= {"reason": container} | ({} if exit_code is None else {"exitCode": exit_code})
        return {}

    def _faulty(self, operation: str, call: Any) -> dict[str, Any]:
        fault = next(self._faults)
        if fault == "throttle":
            error = {"Error": {"Code": "TooManyRequestsException", "Message": "Too Many Requests"}}
            raise ClientError({**error, "ResponseMetadata": {"HTTPStatusCode": 429}}, operation)
        if fault == "die":
            raise Dead
        answer: dict[str, Any] = call()
        if fault == "lost":
            raise ReadTimeoutError(endpoint_url="https://batch")
        if fault == "die after":
            raise Dead
        return answer

"""Array jobs and S3 as their pages describe them, in memory: children that end by a script per batch."""

from __future__ import annotations

import hashlib
import io
import itertools
import json
import time
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import ClientError, ReadTimeoutError

from tests.dags.lanes.batch_model import ENDS
from tests.dags.lanes.ecs_model import Dead

STATES = ("PENDING", "RUNNABLE", "RUNNING", "SUCCEEDED", "FAILED")
PAGE = 3  # small, so that a test sees several pages


@dataclass
class S3Model:
    objects: dict[str, bytes] = field(default_factory=dict)
    writes: int = 0
    lose_answers: int = 0  # so many writes are made, and not answered

    def get_object(self, Bucket: str, Key: str) -> dict[str, Any]:
        if Key not in self.objects:
            raise ClientError({"Error": {"Code": "NoSuchKey", "Message": "no such key"}}, "GetObject")
        return {"Body": io.BytesIO(self.objects[Key]), "ETag": self._etag(Key)}

    def put_object(
        self, Bucket: str, Key: str, Body: bytes, IfNoneMatch: str = "", IfMatch: str = "", **_: Any
    ) -> dict[str, Any]:
        if (IfNoneMatch and Key in self.objects) or (IfMatch and IfMatch != self._etag(Key)):
            raise ClientError({"Error": {"Code": "PreconditionFailed", "Message": "another one"}}, "PutObject")
        self.writes += 1
        self.objects[Key] = Body
        if self.lose_answers:
            self.lose_answers -= 1
            raise ReadTimeoutError(endpoint_url="s3")
        return {"ETag": self._etag(Key)}

    def _etag(self, key: str) -> str:
        return hashlib.sha256(self.objects[key]).hexdigest()


@dataclass
class ArrayModel:
    """`ends` by batch: how its containers end, one after the other ("ok" after the last). Faults as in BatchModel.

    `per_look` children of an array end between two descriptions of it. `blocked` is why none of them starts: the
    last of those that wait says it, their array is PENDING all the time (user guide, "Array jobs").
    """

    s3: S3Model
    ends: dict[int, list[str]] = field(default_factory=dict)
    faults: list[str | None] = field(default_factory=list)
    per_look: int = 2
    blocked: str = ""
    jobs: dict[str, dict[str, Any]] = field(default_factory=dict)
    requests: list[dict[str, Any]] = field(default_factory=list)
    ran: dict[int, list[str]] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._faults = itertools.chain(self.faults, itertools.repeat(None))

    def submit_job(self, **request: Any) -> dict[str, Any]:
        return self._faulty("SubmitJob", lambda: self._submit(request))

    def list_jobs(self, **given: Any) -> dict[str, Any]:
        return self._faulty("ListJobs", lambda: self._listed(**given))

    def describe_jobs(self, jobs: list[str]) -> dict[str, Any]:
        return self._faulty(
            "DescribeJobs",
            lambda: {"jobs": [self._described(one) for one in jobs if one.partition(":")[0] in self.jobs]},
        )

    def terminate_job(self, jobId: str, reason: str) -> dict[str, Any]:
        def terminate() -> dict[str, Any]:
            for child in self.jobs[jobId]["children"]:
                if child["status"] not in ("SUCCEEDED", "FAILED"):
                    child.update(status="FAILED", statusReason=reason, isTerminated=True)
            return {}

        return self._faulty("TerminateJob", terminate)

    def open_children(self) -> int:
        children = [child for job in self.jobs.values() for child in job["children"]]
        return sum(child["status"] not in ("SUCCEEDED", "FAILED") for child in children)

    def _submit(self, request: dict[str, Any]) -> dict[str, Any]:
        job_id = f"job-{len(self.jobs)}"
        environment = {pair["name"]: pair["value"] for pair in request["containerOverrides"]["environment"]}
        key = environment["TASKLANE_BATCHES_URI"].removeprefix("s3://").partition("/")[2]
        batches = json.loads(self.s3.objects[key])["batches"]
        size = request.get("arrayProperties", {}).get("size")
        assert size is None or 2 <= size <= 10_000
        assert len(batches) == (size or 1)
        now = int(time.time() * 1000)
        common = {"startedAt": now, "stoppedAt": now + 50, "container": {}, "jobName": request["jobName"]}
        children = [
            {**common, "jobId": f"{job_id}:{i}" if size else job_id, "batch": batch, "status": "RUNNABLE",
             "container": {}, "arrayProperties": {"index": i} if size else {}}
            for i, batch in enumerate(batches)
        ]  # fmt: skip
        self.requests.append(request)
        self.jobs[job_id] = {"jobId": job_id, "queue": request["jobQueue"], "name": request["jobName"], "size": size,
                             "createdAt": now, "children": children}  # fmt: skip
        return {"jobId": job_id}

    def _described(self, job_id: str) -> dict[str, Any]:
        parent, _, position = job_id.partition(":")
        job = self.jobs[parent]
        if position:
            return dict(job["children"][int(position)])
        waiting = [child for child in job["children"] if child["status"] == "RUNNABLE"]
        running = [child for child in job["children"] if child["status"] == "RUNNING"]
        for child in running[: self.per_look]:
            self._end(child)
        for child in [] if self.blocked else waiting[: self.per_look]:
            child["status"] = "RUNNING"
        for child in waiting[-1:] if self.blocked else []:
            child["statusReason"] = self.blocked
        if not job["size"]:
            return dict(job["children"][0])
        counts = dict.fromkeys(STATES, 0)
        for child in job["children"]:
            counts[child["status"]] += 1
        over = counts["SUCCEEDED"] + counts["FAILED"] == job["size"]
        status = "PENDING" if not over else "FAILED" if counts["FAILED"] else "SUCCEEDED"
        return {"jobId": job_id, "status": status, "arrayProperties": {"statusSummary": counts}}

    def _end(self, child: dict[str, Any]) -> None:
        script = self.ends.get(child["batch"], [])
        done = self.ran.setdefault(child["batch"], [])
        name = script[len(done)] if len(done) < len(script) else "ok"
        done.append(name)
        exit_code, why, reason = ENDS[name]
        child.update(status="SUCCEEDED" if exit_code == 0 else "FAILED", statusReason=why)
        child["container"] = {"reason": reason, "logStreamName": f"p/default/{child['jobId']}"}
        child["container"] |= {} if exit_code is None else {"exitCode": exit_code}

    def _listed(
        self, jobQueue: str = "", filters: Any = (), arrayJobId: str = "", jobStatus: str = "", nextToken: str = "0",
        **_: Any,
    ) -> dict[str, Any]:  # fmt: skip
        if jobQueue:
            name = filters[0]["values"][0]
            jobs = [job for job in self.jobs.values() if (job["queue"], job["name"]) == (jobQueue, name)]
            return {"jobSummaryList": [{**job, "status": "PENDING"} for job in jobs]}
        children = [child for child in self.jobs[arrayJobId]["children"] if child["status"] == jobStatus]
        start = int(nextToken)
        more = {"nextToken": str(start + PAGE)} if start + PAGE < len(children) else {}
        return {"jobSummaryList": [dict(child) for child in children[start : start + PAGE]], **more}

    def _faulty(self, operation: str, call: Any) -> dict[str, Any]:
        self.calls.append(operation)
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

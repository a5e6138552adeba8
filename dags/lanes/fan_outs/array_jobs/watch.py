"""How the batches of one array go: a constant number of calls per look, however many there are.

The array's own description counts its children by state. Failed ones are listed when their number has changed; running
and succeeded ones a page at a time, for those who look at the page. What is not known of an array that has ended is
read to its end.
"""

from __future__ import annotations

import logging
import time
from typing import Any

from lanes.attempts import attempt_run
from lanes.attempts.failures import Failure, Kind
from lanes.aws.calls import AwsCalls
from lanes.aws.poller import Description
from lanes.batch.engine import ENDED as JOB_ENDED
from lanes.batch.poller import BatchPoller
from lanes.batch.verdict import is_stuck, of_job, waits_for
from lanes.fan_outs.array_jobs.document import Array
from lanes.fan_outs.array_jobs.rows import OPEN, RUNNING, SUCCEEDED, WAITING, Lane, Row
from platform_spec.prices import rates, task_cost

log = logging.getLogger(__name__)

CHILDREN_PER_CALL = 100  # limit of DescribeJobs and ListJobs
# How often children that all wait are asked why: only they say it, their array is PENDING from first to last.
ASK_WHY_SECONDS = 30.0


class ArrayWatch:
    """Brings the rows of one array up to date. `rows` by position in the array; `adopted`: another submitted it."""

    def __init__(
        self, calls: AwsCalls, poller: BatchPoller, array: Array, rows: list[Row], lane: Lane, *, adopted: bool = False
    ) -> None:  # fmt: skip
        self.array, self.rows = array, rows
        self._calls, self._poller, self._lane = calls, poller, lane
        self._failed: set[int] = set()  # positions that have been judged as failed
        self._tokens: dict[str, str] = {}
        self._unknown_since, self._asked_why_at = 0.0, -ASK_WHY_SECONDS
        self._ended_long_ago = adopted  # unless AWS Batch knows it
        self._waits_for = ""
        self.stuck: Failure | None = None
        self.forgotten = False  # AWS Batch does not know the array any more

    async def look(self) -> None:
        """One round: one description, and at most one page of each state that is worth a call."""
        job = await self._poller.next(self.array.job_id)
        if job is None:  # not known yet (it has just been submitted), or not any more (a week after its end)
            self._unknown_since = self._unknown_since or time.monotonic()
            self.forgotten = time.monotonic() - self._unknown_since > attempt_run.UNKNOWN_PATIENCE_SECONDS
            return
        self._unknown_since, self._ended_long_ago = 0.0, False
        if self.array.count == 1:
            self._note_waiting([job])
            self._take(job, 0)
            self.array.ended = job["status"] in JOB_ENDED
            self.array.counts = {job["status"]: 1}
            return
        counts = self.array.counts = dict(job.get("arrayProperties", {}).get("statusSummary", {}))
        if job["status"] in JOB_ENDED:
            await self._read_to_the_end(job)
            self.array.ended = True
            return
        if counts.get("FAILED", 0) > len(self._failed):
            await self._page("FAILED")
        if counts.get("RUNNING", 0):
            await self._page("RUNNING")
        if counts.get("SUCCEEDED", 0) > self._known(SUCCEEDED):
            await self._page("SUCCEEDED")
        if counts.get("RUNNABLE", 0) and not counts.get("STARTING", 0) and not counts.get("RUNNING", 0):
            await self._ask_why()

    def forget(self) -> None:
        """The array is over. What is open of one that ended long ago is for another array; else it is lost."""
        self.array.ended = True
        for position, row in enumerate(self.rows):
            if not self._is_open(row):
                continue
            if self._ended_long_ago:
                row.state = WAITING
            else:
                self._end(position, Failure(Kind.LOST, "AWS Batch does not know the array job any more"), {})

    async def _ask_why(self) -> None:
        """No child starts: one page of those that wait, now and then."""
        if time.monotonic() - self._asked_why_at < ASK_WHY_SECONDS:
            return
        self._asked_why_at = time.monotonic()
        answer = await self._calls.call(
            "batch", "list_jobs", arrayJobId=self.array.job_id, jobStatus="RUNNABLE", maxResults=CHILDREN_PER_CALL
        )
        self._note_waiting(answer["jobSummaryList"])

    def _note_waiting(self, jobs: list[dict[str, Any]]) -> None:
        """Batch says why at the job that blocks the queue, whichever of ours that is."""
        self.stuck = next((failure for job in jobs if (failure := is_stuck(job))), None)
        reason = next((reason for job in jobs if (reason := waits_for(job))), "")
        if reason and reason != self._waits_for:
            log.warning("array job %s waits: %s", self.array.job_id, reason)
        self._waits_for = reason

    def child_id(self, position: int) -> str:
        return self.array.job_id if self.array.count == 1 else f"{self.array.job_id}:{position}"

    def _known(self, state: str) -> int:
        return sum(row.state == state for row in self.rows)

    async def _page(self, status: str) -> None:
        """One more page of the children in this state; after the last one the first again."""
        token = self._tokens.pop(status, None) if status != "RUNNING" else None
        more: dict[str, Any] = {"nextToken": token} if token else {}
        answer = await self._calls.call(
            "batch", "list_jobs", arrayJobId=self.array.job_id, jobStatus=status, maxResults=CHILDREN_PER_CALL, **more
        )
        if answer.get("nextToken"):
            self._tokens[status] = answer["nextToken"]
        children = answer["jobSummaryList"]
        if status == "FAILED":  # a summary does not tell a stop by a person from an end of its own
            new = [child["arrayProperties"]["index"] for child in children]
            children = await self._described([position for position in new if position not in self._failed])
        for child in children:
            self._take(child, child["arrayProperties"]["index"])

    async def _read_to_the_end(self, job: Description) -> None:
        """Every child's own end: by lists, and those that the lists do not show (yet) by their ids."""
        self._tokens.clear()
        for status, known in (("FAILED", len(self._failed)), ("SUCCEEDED", self._known(SUCCEEDED))):
            if self.array.counts.get(status, 0) > known:
                await self._page(status)
                while status in self._tokens:
                    await self._page(status)
        unknown = [position for position, row in enumerate(self.rows) if self._is_open(row)]
        for child in await self._described(unknown):
            self._take(child, child.get("arrayProperties", {}).get("index", 0))
        for position, row in enumerate(self.rows):
            if self._is_open(row):  # cancelled with its array, or forgotten by AWS
                lost = of_job({**job, "container": {}}, self._lane.launch.attempt.attempt_id)
                self._end(position, lost or Failure(Kind.LOST, "AWS Batch does not know the child job"), {})

    async def _described(self, positions: list[int]) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        for start in range(0, len(positions), CHILDREN_PER_CALL):
            ids = [self.child_id(position) for position in positions[start : start + CHILDREN_PER_CALL]]
            found += (await self._calls.call("batch", "describe_jobs", jobs=ids)).get("jobs", [])
        return found

    def _is_open(self, row: Row) -> bool:
        return row.array == self.array.number and row.state in (OPEN, RUNNING)

    def _take(self, child: dict[str, Any], position: int) -> None:
        """What AWS says of one child; what has been judged once stays as it is."""
        row = self.rows[position]
        if not self._is_open(row):
            return
        if child["status"] == "RUNNING":
            row.state, row.start = RUNNING, child.get("startedAt", 0) / 1000
        if child["status"] in JOB_ENDED:
            self._end(position, of_job(child, self._lane.launch.attempt.attempt_id), child)

    def _end(self, position: int, failure: Failure | None, child: dict[str, Any]) -> None:
        row = self.rows[position]
        row.start, row.end = child.get("startedAt", 0) / 1000, child.get("stoppedAt", 0) / 1000
        cost = self._cost(row, row.start, row.end)
        row.cost_usd = None if cost is None or row.cost_usd is None else round(row.cost_usd + cost, 6)
        row.seconds += max(0.0, row.end - row.start) if row.start else 0.0
        if failure is None:
            row.state, row.kind, row.reason = SUCCEEDED, "", ""
        else:
            self._failed.add(position)
            row.log_stream = child.get("container", {}).get("logStreamName", "")
            self._lane.failed(row, failure)

    def _cost(self, row: Row, start: float, end: float) -> float | None:
        """0 for a child that never started; None where its price is not known."""
        launch = self._lane.launch
        price = rates(launch.region, launch.architecture)
        size = next(size for size in launch.sizes if size.name == self._lane.size_of(row))
        if not start or not end:
            return 0.0
        if price is None or size.instance_type:  # a task's share of an instance is not known
            return None
        return task_cost(price, end - start, size.cpu_units, size.memory_mib, size.storage_gib)

"""All jobs of the emulator: in memory and in the journal, so that no job is ever forgotten or run twice unseen.

Source: AWS Batch User Guide, "Job states" (ended jobs stay visible for at least 7 days). A job that waited when the
emulator was killed waits on after the restart; one that ran is found with a lost host, and its retry strategy decides.
"""

import time
from typing import Any

from ministack.core.responses import get_account_id, get_region

from local.aws.batch.job import ENDED, Job, now
from local.aws.journal import Journal

Json = dict[str, Any]
VISIBLE_SECONDS = 7 * 86_400
_STATE = ("status", "reason", "created", "started", "stopped", "attempts", "attempt", "ended_by")


class JobStore:
    """Adds, finds, saves, restores and prunes jobs."""

    def __init__(self, journal: Journal) -> None:
        self._jobs: dict[str, Job] = {}
        self._journal = journal
        journal.register("job", self._restore, self._visible)
        journal.register("job_child", self._restore_child, self._visible_child)

    def add(self, job: Job) -> None:
        """A job that was just submitted."""
        self._jobs[job.id] = job
        self.save(job)

    def find(self, job_id: str) -> Job | None:
        """A job of the request's account and Region by id, `<id>:<index>` for a child; None if there is none."""
        base, _, index = job_id.partition(":")
        job = self._jobs.get(base)
        if job is None or job.scope != (get_account_id(), get_region()):
            return None
        if not index:
            return job
        known = index.isdigit() and int(index) < len(job.children)
        return job.children[int(index)] if known else None

    def all(self) -> list[Job]:
        """Jobs and array parents of every account, in the order of their submission."""
        return list(self._jobs.values())

    def save(self, job: Job) -> None:
        """Write the job's present state down."""
        state = {name: getattr(job, name) for name in _STATE}
        if job.parent:
            self._journal.write("job_child", job.id, state)
        else:
            self._journal.write("job", job.id, {"request": job.request, "scope": job.scope, "arn": job.arn, **state})

    def prune(self) -> None:
        """Forget jobs that ended long ago."""
        horizon = now() - VISIBLE_SECONDS * 1000
        for job in self.all():
            if job.ended and job.stopped < horizon:
                del self._jobs[job.id]

    def _restore(self, job_id: str, fact: Json) -> None:
        account, region = fact["scope"]
        job = Job(job_id, fact["arn"], fact["request"], (account, region))
        if job.size:
            job.spawn()
        self._set(job, fact)
        self._jobs[job_id] = job

    def _restore_child(self, job_id: str, fact: Json) -> None:
        base, _, index = job_id.partition(":")
        if parent := self._jobs.get(base):
            child = parent.children[int(index)]
            parent.counts[child.status] -= 1
            parent.counts[fact["status"]] += 1
            self._set(child, fact)

    @staticmethod
    def _set(job: Job, fact: Json) -> None:
        for name in _STATE:
            setattr(job, name, fact[name])

    @staticmethod
    def _visible(_: str, fact: Json) -> bool:
        return fact["status"] not in ENDED or bool(fact["stopped"] > (time.time() - VISIBLE_SECONDS) * 1000)

    def _visible_child(self, job_id: str, fact: Json) -> bool:
        return job_id.partition(":")[0] in self._jobs

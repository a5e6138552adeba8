"""The scheduler: dependencies, queues by priority, room in the compute environments, attempts, ends.

Source: AWS Batch User Guide, "Job scheduling" (first in, first out within a queue; the environments of a queue in their
order; queues by priority), "Job dependencies", "Array jobs", "Job timeouts". Everything but `submit` and `tell` runs on
the agent's thread.
"""

import logging
import os
from collections import deque
from collections.abc import Callable
from typing import Any

from ministack.core.responses import request_scope
from ministack.services import batch

from local.aws.batch import attempt, events, queues
from local.aws.batch.definition_checks import requirement
from local.aws.batch.job import Ending, Job
from local.aws.batch.names import name_of
from local.aws.batch.store import JobStore
from local.aws.ecs.agent import Agent
from local.aws.ecs.task_run import TaskRun
from local.aws.faults.switch import FaultSwitch

logger = logging.getLogger("tasklane.batch")
Json = dict[str, Any]
# A laptop is no Fargate: so many jobs at once, whatever the compute environments allow.
PROCESSES_PER_CPU = 16
_STARTS_PER_ROUND, _NO_CAPACITY_SECONDS, _PRUNE_SECONDS = 4, 1.0, 3600.0
_TOO_LARGE = (
    "MISCONFIGURATION:JOB_RESOURCE_REQUIREMENT - The job resource requirement (vCPU/memory/GPU) is higher than that "
    "can be met by the CE(s) attached to the job queue."
)


class Scheduler:
    """Takes jobs from SUBMITTED to their end."""

    def __init__(self, agent: Agent, faults: FaultSwitch, store: JobStore) -> None:
        self._agent, self._faults, self._store = agent, faults, store
        self._queues: dict[tuple[str, str, str], deque[Job]] = {}  # account, Region, queue name
        self._waiting: dict[str, list[Job]] = {}  # id of a job -> those that depend on it
        self._held: dict[str, float] = {}  # ARN of a compute environment -> vCPUs in use
        self._runs: dict[str, tuple[TaskRun, str]] = {}  # job id -> its run and the ARN of its environment
        self._most = PROCESSES_PER_CPU * (os.cpu_count() or 1)
        self._pump_due = False

    def submit(self, job: Job) -> None:
        """Take over a new job (any thread)."""
        self._agent.loop.submit(lambda: self._admit(job))

    def resume(self) -> None:
        """After a restart: what waited waits on, what ran has lost its host."""
        self._agent.loop.submit(self._resume)

    def tell(self, action: Callable[[], None]) -> None:
        """Do something on the agent's thread and wait for it (any thread but that)."""
        self._agent.on_loop(action)

    def end(self, job: Job, reason: str, *, running: bool) -> None:
        """Cancel a job, or (running) terminate it; of an array, all its children."""
        for child in job.children:
            self.end(child, reason, running=running)
        if job.ended or (not running and job.status in ("STARTING", "RUNNING")):
            return
        job.ended_by = "isTerminated" if running else "isCancelled"
        if job.size:
            return
        if found := self._runs.get(job.id):
            if job.ending is None:
                job.ending = Ending(reason)
                found[0].stop("UserInitiated", reason)
        else:
            self._end(job, "FAILED", reason)

    def _admit(self, job: Job) -> None:
        if job.size:
            job.spawn()
        for one in job.children or [job]:
            self._consider(one)
        self._pump()

    def _consider(self, job: Job) -> None:
        """To RUNNABLE when all it depends on succeeded, to FAILED when one of them failed, else it stays PENDING."""
        if job.ended:
            return
        open_, failed = [], False
        for other in self._dependencies(job):
            failed = failed or other.status == "FAILED"
            if not other.ended:
                open_.append(other)
        if failed:
            self._end(job, "FAILED", "Dependent Job failed")
        elif open_:
            self._move(job, "PENDING")
            self._waiting.setdefault(open_[0].id, []).append(job)
        else:
            self._make_runnable(job)

    def _dependencies(self, job: Job) -> list[Job]:
        found: list[Job | None] = []
        with request_scope(*job.scope):
            for one in job.request["dependsOn"]:
                if one.get("type") == "N_TO_N":
                    found.append(self._store.find(f"{one['jobId']}:{job.index}"))
                elif one.get("jobId"):
                    found.append(self._store.find(one["jobId"]))
                if one.get("type") == "SEQUENTIAL" and job.parent and job.index:
                    found.append(job.parent.children[job.index - 1])
        return [one for one in found if one]

    def _make_runnable(self, job: Job) -> None:
        self._move(job, "RUNNABLE")
        self._queues.setdefault((*job.scope, name_of(job.request["jobQueue"])), deque()).append(job)
        if job.parent and job.parent.status == "SUBMITTED":
            self._move(job.parent, "PENDING")

    def _pump(self) -> None:
        """Start what there is room for, a few at a time so that running tasks are served in between."""
        self._pump_due = False
        started = 0
        for key in sorted(self._queues, key=self._priority, reverse=True):
            waiting = self._queues[key]
            while waiting and started < _STARTS_PER_ROUND and len(self._runs) < self._most and not self._agent.closed:
                job = waiting[0]
                if job.status != "RUNNABLE":  # cancelled meanwhile
                    waiting.popleft()
                    continue
                with request_scope(*job.scope):
                    environment = self._place(job)
                    if environment is None:
                        break
                    waiting.popleft()
                    self._start(job, environment)
                started += 1
        if started == _STARTS_PER_ROUND:
            self._pump_soon()

    def _pump_soon(self) -> None:
        if not self._pump_due:
            self._pump_due = True
            self._agent.loop.submit(self._pump)

    @staticmethod
    def _priority(key: tuple[str, str, str]) -> int:
        account, region, name = key
        queue = batch._job_queues.get_scoped(account, region, name)
        return int(queue["priority"]) if queue else -1

    def _place(self, job: Job) -> Json | None:
        """The first compute environment of the queue with room; None when the job has to wait."""
        vcpus = _vcpus(job)
        ordered = queues.environments(queues.find(job.request["jobQueue"]))
        if ordered and all(vcpus > one["computeResources"]["maxvCpus"] for one in ordered):
            job.reason = _TOO_LARGE
        for environment in ordered:
            resources = environment["computeResources"]
            held = self._held.get(environment["computeEnvironmentArn"], 0.0)
            if held + vcpus > resources["maxvCpus"]:
                continue
            if not self._faults.capacity_failure({str(resources["type"])}):
                return environment
            self._agent.loop.later(_NO_CAPACITY_SECONDS, self._pump_soon)
        return None

    def _start(self, job: Job, environment: Json) -> None:
        record, definition, network = attempt.task_of(job, environment, len(job.attempts) + 1)
        job.attempt, job.ending = attempt.begun(record, definition), None
        self._move(job, "STARTING")
        arn = environment["computeEnvironmentArn"]
        self._held[arn] = self._held.get(arn, 0.0) + _vcpus(job)
        run = self._agent.start(record, definition, job.scope, network, lambda run: self._changed(job, run))
        self._runs[job.id] = (run, arn)

    def _changed(self, job: Job, run: TaskRun) -> None:
        if run.record["lastStatus"] == "RUNNING":
            self._move(job, "RUNNING")
            seconds = job.request["timeout"].get("attemptDurationSeconds")
            if seconds:
                run.later(seconds, lambda: self._time_out(job, run))
        elif run.record["lastStatus"] == "STOPPED":
            _, arn = self._runs.pop(job.id)
            self._held[arn] -= _vcpus(job)
            self._stopped(job, run.record)
            self._pump_soon()

    def _time_out(self, job: Job, run: TaskRun) -> None:
        if self._runs.get(job.id, (None,))[0] is run and job.ending is None:
            job.ending = Ending("Job attempt duration exceeded timeout")
            run.stop("UserInitiated", job.ending.reason)

    def _stopped(self, job: Job, record: Json) -> None:
        ended = attempt.ended(job, record)
        job.attempts.append(ended)
        job.attempt = ended["container"]
        if job.ending is None and ended["container"].get("exitCode") == 0 and _by_itself(record):
            self._end(job, "SUCCEEDED", ended["statusReason"])
        elif attempt.will_retry(job):
            job.reason = ended["statusReason"]
            self._make_runnable(job)
        else:
            self._end(job, "FAILED", ended["statusReason"])

    def _end(self, job: Job, status: str, reason: str) -> None:
        self._move(job, status, reason)
        for waiting in self._waiting.pop(job.id, []):
            self._consider(waiting)
        if job.parent:
            self._settle(job.parent)

    def _settle(self, parent: Job) -> None:
        """An array ends when all its children have."""
        if parent.counts["SUCCEEDED"] + parent.counts["FAILED"] == parent.size and not parent.ended:
            failed = parent.counts["FAILED"] > 0
            self._end(parent, "FAILED" if failed else "SUCCEEDED", "Array Child Job failed" if failed else "")

    def _move(self, job: Job, status: str, reason: str = "") -> None:
        if job.status == status and not reason:
            return
        job.move(status, reason)
        if status not in ("PENDING", "RUNNABLE", "STARTING") or job.attempts or not job.parent:
            self._store.save(job)
        if events.wanted(job.scope):
            events.publish_later(self._agent.loop, job)

    def _prune(self) -> None:
        self._store.prune()
        self._agent.loop.later(_PRUNE_SECONDS, self._prune)

    def _resume(self) -> None:
        for job in self._store.all():
            for one in job.children or [job]:
                if one.status in ("STARTING", "RUNNING"):
                    self._stopped(one, _lost(one))
                elif not one.ended:
                    self._consider(one)
            if job.size:
                self._settle(job)
        self._pump()
        self._agent.loop.later(_PRUNE_SECONDS, self._prune)


def _vcpus(job: Job) -> float:
    container = job.request["container"]
    return float(requirement(container, "VCPU") or container.get("vcpus") or 1)


def _by_itself(record: Json) -> bool:
    """A container that answers SIGTERM with code 0 was still stopped from outside."""
    return record.get("stopCode") == "EssentialContainerExited"


def _lost(job: Job) -> Json:
    """The record of an attempt whose host went with the emulator."""
    instance = str(job.attempt.get("containerInstanceArn", "")).rsplit("/", 1)[-1]
    return {
        "containers": [{}],
        "startedAt": job.started / 1000,
        "stoppedAt": max(job.started, job.created) / 1000,
        "stopCode": "TerminationNotice",
        "stoppedReason": "The host of the task was lost",
        **({"ec2InstanceId": f"i-{instance}"} if instance else {}),
    }

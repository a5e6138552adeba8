"""AWS Batch for the tasks that declare it: job definitions, queues, and only the capacity that they need."""

from __future__ import annotations

from itertools import batched
from typing import Any

from aws_cdk import Stack
from constructs import Construct

from platform_spec.batch import CONTAINER, capacities
from platform_spec.naming import construct_id
from stacks.components.batch_capacity import BatchCapacity
from stacks.components.batch_instance_role import BatchInstanceRole
from stacks.components.batch_task import BatchTask
from stacks.components.submit_jobs_policy import TASKS_PER_POLICY, SubmitJobsPolicy
from stacks.task_site import TaskSite


class BatchStack(Stack):
    """Made only where a task has the lane batch."""

    def __init__(self, scope: Construct, id_: str, site: TaskSite, **stack: Any) -> None:
        super().__init__(scope, id_, **stack)
        names = site.names
        wanted = capacities(site.tasks.values(), spot=site.settings.spot_share > 0)
        self.instance_role = None
        if any(capacity.instance_types for capacity in wanted):
            self.instance_role = BatchInstanceRole(self, "Instances", names=names)
        self.capacities = {
            capacity.kind: BatchCapacity(
                self,
                construct_id(capacity.kind.replace("-", "_")),
                capacity=capacity,
                names=names,
                max_vcpus=site.settings.batch.max_vcpus,
                subnets=site.network.private_subnets,
                security_group=site.network.task_security_group,
                instance_profile=self.instance_role.profile if self.instance_role else None,
            )
            for capacity in wanted
        }
        self.tasks = [
            BatchTask(self, f"{construct_id(task.name)}Task", **site.parts(self, task))
            for task in site.tasks.values()
            if task.lane == "batch"
        ]
        self.policies = [
            SubmitJobsPolicy(self, f"SubmitJobs{number}", names=names, tasks=share, queues=self._queue_arns(share))
            for number, share in enumerate(batched(self.tasks, TASKS_PER_POLICY), start=1)
        ]
        for task in self.tasks:
            site.publish(self, task, **self._how_to_submit(task))

    def _queue_arns(self, tasks: tuple[BatchTask, ...]) -> list[str]:
        used = [self.capacities[kind] for kind in sorted({task.kind for task in tasks})]
        return [queue.ref for one in used for queue in (one.queue, one.spot_queue) if queue]

    def _how_to_submit(self, task: BatchTask) -> dict[str, str]:
        capacity = self.capacities[task.kind]
        spot = capacity.spot_queue if task.task.spot else None
        return {
            "job_definition_arn": task.definition.ref,
            "job_queue_arn": capacity.queue.ref,
            "spot_job_queue_arn": spot.ref if spot else "",
            "container": CONTAINER,
        }

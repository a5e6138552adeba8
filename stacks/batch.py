"""AWS Batch for the tasks that declare it: job definitions, queues, and only the capacity that they need."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import batched
from typing import Any

from aws_cdk import Stack
from aws_cdk import aws_ecr as ecr
from constructs import Construct

from platform_spec.batch import CONTAINER, capacities
from platform_spec.environments import Environment
from platform_spec.naming import Names, construct_id
from platform_spec.tasks import Task
from stacks.components.batch_capacity import BatchCapacity
from stacks.components.batch_instance_role import BatchInstanceRole
from stacks.components.batch_task import BatchTask
from stacks.components.published import Published
from stacks.components.submit_jobs_policy import TASKS_PER_POLICY, SubmitJobsPolicy
from stacks.network import NetworkStack
from stacks.storage import StorageStack


class BatchStack(Stack):
    """Made only where a task has the lane batch."""

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        settings: Environment,
        names: Names,
        tasks: Mapping[str, Task],
        network: NetworkStack,
        storage: StorageStack,
        **stack: Any,
    ) -> None:
        super().__init__(scope, id_, **stack)
        wanted = capacities(tasks.values(), spot=settings.spot_share > 0)
        self.instance_role = None
        if any(capacity.instance_types for capacity in wanted):
            self.instance_role = BatchInstanceRole(self, "Instances", names=names)
        self.capacities = {
            capacity.kind: BatchCapacity(
                self,
                construct_id(capacity.kind.replace("-", "_")),
                capacity=capacity,
                names=names,
                max_vcpus=settings.batch.max_vcpus,
                subnets=network.private_subnets,
                security_group=network.task_security_group,
                instance_profile=self.instance_role.profile if self.instance_role else None,
            )
            for capacity in wanted
        }
        self.tasks = [
            BatchTask(
                self,
                f"{construct_id(task.name)}Task",
                task=task,
                settings=settings,
                names=names,
                # By name: an export of a removed task's repository would keep the registry stack from being updated.
                repository=ecr.Repository.from_repository_name(
                    self, f"{construct_id(task.name)}Repository", names.repository(task.name)
                ),
                bucket=storage.data_bucket,
                key=storage.key,
            )
            for task in tasks.values()
            if task.lane == "batch"
        ]
        self.policies = [
            SubmitJobsPolicy(self, f"SubmitJobs{number}", names=names, tasks=share, queues=self._queue_arns(share))
            for number, share in enumerate(batched(self.tasks, TASKS_PER_POLICY), start=1)
        ]
        for task in self.tasks:
            self._publish(task, names)

    def _queue_arns(self, tasks: tuple[BatchTask, ...]) -> list[str]:
        used = [self.capacities[kind] for kind in sorted({task.kind for task in tasks})]
        return [queue.ref for one in used for queue in (one.queue, one.spot_queue) if queue]

    def _publish(self, task: BatchTask, names: Names) -> None:
        capacity = self.capacities[task.kind]
        spot = capacity.spot_queue if task.task.spot else None
        Published(
            self,
            f"{construct_id(task.task.name)}Deployment",
            name=names.task_parameter(task.task.name),
            values={
                "job_definition_arn": task.definition.ref,
                "job_queue_arn": capacity.queue.ref,
                "spot_job_queue_arn": spot.ref if spot else "",
                "container": CONTAINER,
                "image": task.image,
                "log_group": task.log_group.log_group_name,
                "log_stream_prefix": task.task.name,
                "task_role_arn": task.task_role.role_arn,
                "execution_role_arn": task.execution_role.role_arn,
            },
        )

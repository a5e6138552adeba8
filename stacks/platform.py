"""All stacks of one environment, introduced to each other in the order in which a fresh account gets them."""

from __future__ import annotations

from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_iam as iam

from platform_spec import batch
from platform_spec.cost_tags import ENVIRONMENT_TAG, PROJECT_TAG
from platform_spec.environments import Environment
from platform_spec.naming import PROJECT, Names
from platform_spec.tasks import Access, Task, with_image
from stacks.airflow import AirflowStack
from stacks.batch import BatchStack
from stacks.compute import ComputeStack
from stacks.monitoring import MonitoringStack
from stacks.network import NetworkStack
from stacks.registry import RegistryStack
from stacks.storage import StorageStack
from stacks.task_site import TaskSite


class Platform:
    """One stack per pace of change: data outlives networks, networks outlive images, images outlive Airflow."""

    def __init__(
        self, app: cdk.App, *, env: Environment, names: Names, tasks: dict[str, Task], dag_access: Access
    ) -> None:
        self.names, self.dag_access = names, dag_access
        where = cdk.Environment(account=env.account, region=env.region)

        def settings(part: str, purpose: str) -> dict[str, Any]:
            return {
                "env": where,
                "stack_name": names.stack(part),
                "description": f"Tasklane {env.name}: {purpose}",
                # The second key against deletion, in every environment: `cdk destroy` is refused, `tasklane destroy`
                # takes it off once the name was typed. The first, keeps_data, sets what goes with a stack.
                "termination_protection": True,
            }

        self.storage = StorageStack(
            app,
            names.stack("storage"),
            settings=env,
            names=names,
            tables=sorted({table for task in tasks.values() for table in task.access.tables}),
            **settings("storage", "buckets, tables and key"),
        )
        self.network = NetworkStack(
            app,
            names.stack("network"),
            settings=env,
            names=names,
            storage=self.storage,
            agents_of=_clusters_with_instances(names, tasks),
            with_batch=any(task.lane == "batch" for task in tasks.values()),
            **settings("network", "VPC, ways to AWS, flow logs"),
        )
        site = TaskSite(env, names, tasks, self.network, self.storage)
        self.compute = ComputeStack(
            app, names.stack("compute"), site, **settings("compute", "cluster, task definitions, task roles")
        )
        self.batch = None
        if any(task.lane == "batch" for task in tasks.values()):
            purpose = "job definitions, queues, compute environments"
            self.batch = BatchStack(app, names.stack("batch"), site, **settings("batch", purpose))
        if with_image(tasks):  # a stack without resources cannot be deployed
            registry = RegistryStack(
                app,
                names.stack("registry"),
                settings=env,
                names=names,
                tasks=tasks,
                storage=self.storage,
                **settings("registry", "one image repository per task"),
            )
            for stack in filter(None, (self.compute, self.batch)):
                stack.add_stack_dependency(registry, "task definitions name the repositories")
        self.airflow = AirflowStack(
            app,
            names.stack("airflow"),
            settings=env,
            names=names,
            tasks=tasks,
            dag_access=dag_access,
            network=self.network,
            storage=self.storage,
            run_tasks=self._run_tasks(),
            **settings("airflow", "Amazon MWAA and its execution role"),
        )
        self.monitoring = MonitoringStack(
            app,
            names.stack("monitoring"),
            settings=env,
            names=names,
            tasks=_measured(tasks),
            storage=self.storage,
            **settings("monitoring", "alarms, task events, dashboard"),
        )
        for key, value in {PROJECT_TAG: PROJECT, ENVIRONMENT_TAG: env.name}.items():
            # CloudWatch tells the tags of alarms and not of dashboards: nobody could see that they are there.
            cdk.Tags.of(app).add(key, value, exclude_resource_types=["AWS::CloudWatch::Dashboard"])

    def _run_tasks(self) -> list[iam.IManagedPolicy]:
        """What Airflow's role needs to run the tasks of the lanes."""
        policies: list[iam.IManagedPolicy] = [*self.compute.run_tasks_policies]
        policies += self.batch.policies if self.batch else []
        worker = self.compute.docker_worker
        return [*policies, worker] if worker and worker.for_airflow else policies


def _measured(tasks: dict[str, Task]) -> dict[str, Task]:
    """Those whose runs are metrics in CloudWatch."""
    return {name: task for name, task in with_image(tasks).items() if task.lane != "docker"}


def _clusters_with_instances(names: Names, tasks: dict[str, Task]) -> list[str]:
    """Names (or patterns of names) of the ECS clusters that run tasks on EC2 instances."""
    own = [names.cluster] if any(task.lane == "ec2" for task in tasks.values()) else []
    of_batch = any(capacity.instance_types for capacity in batch.capacities(tasks.values(), spot=False))
    return [*own, *(batch.CLUSTERS if of_batch else ())]

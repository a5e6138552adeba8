"""The cluster and everything that is made from task.toml."""

from __future__ import annotations

from itertools import batched
from typing import Any

from aws_cdk import Stack
from aws_cdk import aws_ecs as ecs
from constructs import Construct

from platform_spec.environments import Environment
from platform_spec.lanes import ON_ECS
from platform_spec.naming import Names, construct_id
from platform_spec.tasks import Task
from stacks.components.docker_worker_policy import DockerWorkerPolicy
from stacks.components.ec2_task import Ec2Task
from stacks.components.fargate_task import FargateTask
from stacks.components.guest_tasks import guest_tasks
from stacks.components.instances import Instances, InstancesRole, instances_id
from stacks.components.logs import OwnedLogGroup
from stacks.components.published import Published
from stacks.components.run_tasks_policy import TASKS_PER_POLICY, RunTasksPolicy
from stacks.network import NetworkStack
from stacks.storage import StorageStack
from stacks.task_site import TaskSite


class ComputeStack(Stack):
    def __init__(self, scope: Construct, id_: str, site: TaskSite, **stack: Any) -> None:
        super().__init__(scope, id_, **stack)
        settings, names, key = site.settings, site.names, site.storage.key
        self.cluster = ecs.Cluster(
            self,
            "Cluster",
            cluster_name=names.cluster,
            vpc=site.network.vpc,
            enable_fargate_capacity_providers=True,
            container_insights_v2=ecs.ContainerInsights[settings.container_insights.upper()],
        )
        if settings.container_insights != "disabled":
            insights = OwnedLogGroup(self, "InsightsLog", name=names.insights_log_group, settings=settings, key=key)
            self.cluster.node.add_dependency(insights)
        # Made before the first run: CloudWatch reads the lanes' metrics out of what they write to it.
        self.lanes_log = OwnedLogGroup(self, "LanesLog", name=names.lanes_log_group, settings=settings, key=key)
        registered = {name for task in site.tasks.values() for name in task.access.registers}
        self.tasks = [
            (Ec2Task if task.lane == "ec2" else FargateTask)(
                self, construct_id(task.name), **site.parts(self, task), registered=task.name in registered
            )
            for task in site.tasks.values()
            if task.lane in ON_ECS
        ]
        self.guest_tasks = guest_tasks(self, site)
        self.docker_worker = self._docker_worker(settings, names, site.storage)
        self.instances = self._instances(names, site.network)
        shares = list(batched(self.tasks, TASKS_PER_POLICY)) or [()]
        self.run_tasks_policies = [
            RunTasksPolicy(self, f"RunTasks{number}", cluster=self.cluster, tasks=share, metrics=self.lanes_log)
            for number, share in enumerate(shares, start=1)
        ]
        Published(
            self,
            "Deployment",
            name=names.parameter("compute"),
            values={
                "cluster": self.cluster.cluster_name,
                "cluster_arn": self.cluster.cluster_arn,
                "metrics_log_group": self.lanes_log.log_group_name,
            },
        )
        for made in self.tasks:
            site.publish(self, made, **self._how_to_run(made, names))

    def _docker_worker(self, settings: Environment, names: Names, storage: StorageStack) -> DockerWorkerPolicy | None:
        tasks = [task for task in self.guest_tasks if task.task.lane == "docker"]
        if not tasks or not settings.docker:
            return None
        return DockerWorkerPolicy(
            self,
            "DockerWorker",
            tasks=tasks,
            worker_role=settings.docker.worker_role,
            names=names,
            bucket=storage.data_bucket,
            key=storage.key,
        )

    def _instances(self, names: Names, network: NetworkStack) -> dict[str, Instances]:
        """One capacity provider per instance type that a task of the lane ec2 names; nothing where none does."""
        sizes = [size for task in self.tasks if task.task.lane == "ec2" for size in task.task.sizes.values()]
        if not sizes:
            return {}
        role = InstancesRole(self, "InstancesRole", cluster=self.cluster, names=names)
        return {
            instance_type: Instances(
                self,
                f"Instances{instances_id(instance_type)}",
                instance_type=instance_type,
                storage_gib=max(size.storage_gib for size in sizes if size.instance_type == instance_type),
                cluster=self.cluster,
                names=names,
                role=role.without_policy_updates(),
                security_group=network.task_security_group,
                subnets=list(network.private_subnets),
            )
            for instance_type in sorted({size.instance_type for size in sizes})
        }

    def _how_to_run(self, made: FargateTask, names: Names) -> dict[str, object]:
        return {
            "family": made.definition.family,
            "task_definition_arn": made.definition.task_definition_arn,
            "container": names.container(made.task.name),
            **self._providers(made.task),
        }

    def _providers(self, task: Task) -> dict[str, object]:
        types = {size.instance_type for size in task.sizes.values()} & set(self.instances)
        return {"capacity_providers": {kind: self.instances[kind].name for kind in sorted(types)}} if types else {}

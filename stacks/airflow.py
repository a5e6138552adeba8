"""Amazon MWAA. A stack of its own, because changing it takes AWS the better part of an hour."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from aws_cdk import Stack
from aws_cdk import aws_iam as iam
from constructs import Construct

from platform_spec.environments import Environment
from platform_spec.lanes import ON_WORKERS
from platform_spec.naming import Names
from platform_spec.tasks import Access, Task
from stacks.components.airflow_environment import DAG_FOLDER, AirflowEnvironment
from stacks.components.airflow_role import AirflowRole
from stacks.components.cluster_access import ClusterAccess, cluster_statements
from stacks.components.data_access import data_statements
from stacks.components.notification_rights import notification_statements
from stacks.components.published import Published
from stacks.components.worker_tasks import WorkerTasks, take_on_statements
from stacks.network import NetworkStack
from stacks.storage import StorageStack


class AirflowStack(Stack):
    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        settings: Environment,
        names: Names,
        tasks: Mapping[str, Task],
        dag_access: Access,
        network: NetworkStack,
        storage: StorageStack,
        run_tasks: Sequence[iam.IManagedPolicy],
        **stack: Any,
    ) -> None:
        super().__init__(scope, id_, **stack)
        in_cluster = any(task.lane == "kubernetes" for task in tasks.values())
        cluster = settings.kubernetes if in_cluster else None
        on_workers = [task for task in tasks.values() if task.lane in ON_WORKERS]
        dags = data_statements(self, dag_access, storage.data_bucket, key=None)
        self.execution = AirflowRole(
            self,
            "Execution",
            names=names,
            dag_bucket=storage.dag_bucket,
            key=storage.key,
            run_tasks=run_tasks,
            dag_statements=[
                *dags,
                *notification_statements(self, settings, names, storage.key),
                *take_on_statements(self, on_workers, names),
                *cluster_statements(self, cluster),
            ],
        )
        if cluster:
            ClusterAccess(self, "Cluster", settings=cluster, airflow=self.execution.role)
        self.worker_tasks = WorkerTasks(
            self,
            "WorkerTasks",
            tasks=on_workers,
            names=names,
            worker=self.execution.role,
            bucket=storage.data_bucket,
            key=storage.key,
        )
        airflow = AirflowEnvironment(
            self,
            "Airflow",
            settings=settings,
            names=names,
            role=self.execution.role,
            dag_bucket=storage.dag_bucket,
            key=storage.key,
            subnets=network.private_subnets,
            security_group=network.airflow_security_group,
        )
        for policy in self.execution.policies:
            airflow.resource.node.add_dependency(policy)
        Published(
            self,
            "Deployment",
            name=names.parameter("airflow"),
            values={
                "environment": airflow.resource.ref,
                "execution_role_arn": self.execution.role.role_arn,
                "dag_s3_path": DAG_FOLDER,
                "airflow_version": settings.airflow.version,
            },
        )

"""One task as ECS sees it: task definition, roles and log group, all from its task.toml."""

from __future__ import annotations

from typing import cast

from aws_cdk import CfnDeletionPolicy, Duration, Size
from aws_cdk import aws_ecr as ecr
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from constructs import Construct

from platform_spec.containers import SCRATCH, USER
from platform_spec.environments import Environment
from platform_spec.fargate import FREE_STORAGE_GIB
from platform_spec.naming import Names
from platform_spec.tasks import Task
from stacks.components.owned_task import OwnedTask

_CPU = {"arm64": ecs.CpuArchitecture.ARM64, "x86_64": ecs.CpuArchitecture.X86_64}


class FargateTask(OwnedTask):
    """`definition` of one task. Sizes other than its default are RunTask overrides."""

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        task: Task,
        settings: Environment,
        names: Names,
        repository: ecr.IRepository,
        bucket: s3.IBucket,
        key: kms.IKey,
        registered: bool = False,
    ) -> None:
        super().__init__(
            scope, id_, task=task, settings=settings, names=names, repository=repository, bucket=bucket, key=key
        )
        self.definition = self._definition(names)
        # What may be run as this task: its own revisions, and those that another task registers for newer images.
        self.families = [names.family(task.name), *([names.newest_family(task.name)] if registered else [])]
        self._container(names)

    def _definition(self, names: Names) -> ecs.TaskDefinition:
        definition = self._made_for_its_lane(names)
        # Earlier releases name their revision: it must outlive the next one, else no rollback without CloudFormation.
        resource = cast(ecs.CfnTaskDefinition, definition.node.default_child)
        resource.cfn_options.update_replace_policy = CfnDeletionPolicy.RETAIN
        resource.cfn_options.deletion_policy = CfnDeletionPolicy.DELETE
        return definition

    def _made_for_its_lane(self, names: Names) -> ecs.TaskDefinition:
        size = self.task.sizes[self.task.default_size]
        return ecs.FargateTaskDefinition(
            self,
            "Definition",
            family=names.family(self.task.name),
            cpu=size.cpu_units,
            memory_limit_mib=size.memory_mib,
            ephemeral_storage_gib=size.storage_gib if size.storage_gib > FREE_STORAGE_GIB else None,
            runtime_platform=self._platform,
            task_role=self.task_role,
            execution_role=self.execution_role,
            volumes=[ecs.Volume(name="scratch")],
        )

    @property
    def _platform(self) -> ecs.RuntimePlatform:
        return ecs.RuntimePlatform(
            cpu_architecture=_CPU[self.task.architecture], operating_system_family=ecs.OperatingSystemFamily.LINUX
        )

    def _tables(self, names: Names) -> dict[str, str]:
        """`TASKLANE_TABLE_RELATED_ARTICLES`: the name of the table in this environment."""
        return {f"TASKLANE_TABLE_{table.upper()}": names.table(table) for table in self.task.access.tables}

    def _container(self, names: Names) -> None:
        linux = ecs.LinuxParameters(self, "Linux", init_process_enabled=True)
        linux.drop_capabilities(ecs.Capability.ALL)
        container = self.definition.add_container(
            "Container",
            container_name=names.container(self.task.name),
            image=ecs.ContainerImage.from_registry(self.image),
            readonly_root_filesystem=True,
            privileged=False,
            gpu_count=self.task.sizes[self.task.default_size].gpus or None,
            user=USER,
            linux_parameters=linux,
            environment={"TMPDIR": SCRATCH, "HOME": SCRATCH, **self._tables(names)},
            secrets={name: ecs.Secret.from_secrets_manager(secret) for name, secret in self.secrets.items()},
            stop_timeout=Duration.seconds(self.task.stop_timeout_seconds),
            # A log service that stalls must not stall the computation: results and the exit code do not pass through
            # it. Lines are dropped only when 25 MiB of them wait.
            logging=ecs.LogDrivers.aws_logs(
                log_group=self.log_group,
                stream_prefix=self.task.name,
                mode=ecs.AwsLogDriverMode.NON_BLOCKING,
                max_buffer_size=Size.mebibytes(25),
            ),
        )
        container.add_mount_points(ecs.MountPoint(container_path=SCRATCH, source_volume="scratch", read_only=False))

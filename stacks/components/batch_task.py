"""One task as AWS Batch sees it: job definition, roles and log group, all from its task.toml."""

from __future__ import annotations

from aws_cdk import CfnDeletionPolicy, Stack
from aws_cdk import aws_batch as batch
from aws_cdk import aws_ecr as ecr
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from constructs import Construct

from platform_spec.batch import ATTEMPTS, kind_of
from platform_spec.containers import SCRATCH, USER
from platform_spec.environments import Environment
from platform_spec.fargate import FREE_STORAGE_GIB
from platform_spec.naming import Names
from platform_spec.tasks import Task
from stacks.components.owned_task import OwnedTask

_Job = batch.CfnJobDefinition
# A host that goes is nobody's fault: the job waits for another one. Every other failure ends the job: the DAG kit
# knows which of them are worth another attempt, and at which size.
_LOST_HOST = ("Host EC2*", "Your Spot Task was interrupted*")


class BatchTask(OwnedTask):
    """`definition` of one task. Sizes other than its default are SubmitJob overrides."""

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
    ) -> None:
        super().__init__(
            scope, id_, task=task, settings=settings, names=names, repository=repository, bucket=bucket, key=key
        )
        self.kind = kind_of(task)
        retry = [_Job.EvaluateOnExitProperty(action="RETRY", on_status_reason=reason) for reason in _LOST_HOST]
        end = _Job.EvaluateOnExitProperty(action="EXIT", on_status_reason="*")
        self.definition = _Job(
            self,
            "Definition",
            type="container",
            job_definition_name=names.job_definition(task.name),
            platform_capabilities=["FARGATE" if self.kind == "fargate" else "EC2"],
            container_properties=self._container(),
            retry_strategy=_Job.RetryStrategyProperty(attempts=ATTEMPTS, evaluate_on_exit=[*retry, end]),
            timeout=_Job.TimeoutProperty(attempt_duration_seconds=task.timeout_minutes * 60),
            propagate_tags=True,
            # Earlier releases name their revision: it must outlive the next one.
            resource_retention_policy=_Job.ResourceRetentionPolicyProperty(skip_deregister_on_update=True),
        )
        self.definition.cfn_options.update_replace_policy = CfnDeletionPolicy.RETAIN
        self.definition.cfn_options.deletion_policy = CfnDeletionPolicy.DELETE

    def _container(self) -> _Job.ContainerPropertiesProperty:
        fargate = self.kind == "fargate"
        # The disk cannot be overridden at SubmitJob: every size gets the largest one's. Disks of instances are their
        # compute environment's.
        disk = max(size.storage_gib for size in self.task.sizes.values())
        architecture = self.task.architecture.upper()
        return _Job.ContainerPropertiesProperty(
            image=self.image,
            job_role_arn=self.task_role.role_arn,
            execution_role_arn=self.execution_role.role_arn,
            resource_requirements=self._requirements(),
            environment=[_Job.EnvironmentProperty(name=name, value=SCRATCH) for name in ("TMPDIR", "HOME")],
            secrets=[
                _Job.SecretProperty(name=name, value_from=secret.secret_arn) for name, secret in self.secrets.items()
            ]
            or None,
            user=USER,
            privileged=False,
            readonly_root_filesystem=True,
            linux_parameters=_Job.LinuxParametersProperty(init_process_enabled=True),
            volumes=[_Job.VolumesProperty(name="scratch")],
            mount_points=[
                _Job.MountPointsProperty(container_path=SCRATCH, source_volume="scratch", read_only=False),
            ],
            log_configuration=_Job.LogConfigurationProperty(log_driver="awslogs", options=self._log()),
            ephemeral_storage=_Job.EphemeralStorageProperty(size_in_gib=disk)
            if fargate and disk > FREE_STORAGE_GIB
            else None,
            runtime_platform=_Job.RuntimePlatformProperty(
                cpu_architecture=architecture, operating_system_family="LINUX"
            )
            if fargate
            else None,
            network_configuration=_Job.NetworkConfigurationProperty(assign_public_ip="DISABLED") if fargate else None,
        )

    def _requirements(self) -> list[_Job.ResourceRequirementProperty]:
        size = self.task.sizes[self.task.default_size]
        asked = {"VCPU": f"{size.cpu_units / 1024:g}", "MEMORY": str(size.memory_mib)}
        if size.gpus:
            asked["GPU"] = str(size.gpus)
        return [_Job.ResourceRequirementProperty(type=kind, value=value) for kind, value in asked.items()]

    def _log(self) -> dict[str, str]:
        return {
            "awslogs-group": self.log_group.log_group_name,
            "awslogs-region": Stack.of(self).region,
            "awslogs-stream-prefix": self.task.name,
            # A log service that stalls must not stall the computation (fargate_task.py).
            "mode": "non-blocking",
            "max-buffer-size": "25m",
        }

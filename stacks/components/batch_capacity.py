"""Compute environments and queues of AWS Batch for the tasks of one kind.

Sources: AWS Batch User Guide, "Compute environments", "Job queues" (environments are tried in their order), "Use EC2
launch templates" (user data in MIME parts), "Amazon ECS instance role"; EC2 user guide, "Use IMDSv2".
"""

from __future__ import annotations

from collections.abc import Sequence

from aws_cdk import aws_batch as batch
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from constructs import Construct

from platform_spec.batch import Capacity
from platform_spec.containers import USER
from platform_spec.cost_tags import ENVIRONMENT_TAG, PROJECT_TAG
from platform_spec.naming import PROJECT, Names

_Environment = batch.CfnComputeEnvironment
_SYSTEM_DISK_GIB = 30  # the ECS-optimised AMI's own
_METADATA = "169.254.169.254"


class BatchCapacity(Construct):
    """`queue`: on demand. `spot_queue`: Spot first, on demand when there is none; None where no task allows Spot."""

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        capacity: Capacity,
        names: Names,
        max_vcpus: int,
        subnets: Sequence[ec2.ISubnet],
        security_group: ec2.ISecurityGroup,
        instance_profile: iam.CfnInstanceProfile | None,
    ) -> None:
        super().__init__(scope, id_)
        self.capacity, self._names, self._max_vcpus = capacity, names, max_vcpus
        self._subnets, self._group, self._profile = subnets, security_group, instance_profile
        self.template = self._launch_template() if capacity.instance_types else None
        on_demand = self._environment("OnDemand", spot=False)
        self.queue = self._queue("Queue", on_demand, spot=False)
        self.spot_queue = None
        if capacity.spot:
            self.spot_queue = self._queue("SpotQueue", self._environment("Spot", spot=True), on_demand, spot=True)

    def _queue(self, id_: str, *environments: _Environment, spot: bool) -> batch.CfnJobQueue:
        ordered = [
            batch.CfnJobQueue.ComputeEnvironmentOrderProperty(order=at, compute_environment=one.ref)
            for at, one in enumerate(environments, start=1)
        ]
        name = self._names.job_queue(self.capacity.kind, spot=spot)
        return batch.CfnJobQueue(self, id_, job_queue_name=name, priority=1, compute_environment_order=ordered)

    def _environment(self, id_: str, *, spot: bool) -> _Environment:
        # Without a name of its own, so that CloudFormation can put a new one in its place (its default for changes that
        # need new instances).
        return _Environment(
            self,
            id_,
            type="MANAGED",
            compute_resources=self._instances(spot=spot) if self.template else self._fargate(spot=spot),
        )

    def _fargate(self, *, spot: bool) -> _Environment.ComputeResourcesProperty:
        return _Environment.ComputeResourcesProperty(
            type="FARGATE_SPOT" if spot else "FARGATE",
            maxv_cpus=self._max_vcpus,
            subnets=[subnet.subnet_id for subnet in self._subnets],
            security_group_ids=[self._group.security_group_id],
        )

    def _instances(self, *, spot: bool) -> _Environment.ComputeResourcesProperty:
        assert self.template  # noqa: S101 - made in the constructor
        assert self._profile  # noqa: S101 - the stack gives one where there are instances
        return _Environment.ComputeResourcesProperty(
            type="SPOT" if spot else "EC2",
            allocation_strategy="SPOT_PRICE_CAPACITY_OPTIMIZED" if spot else "BEST_FIT_PROGRESSIVE",
            minv_cpus=0,  # no instance while no job waits
            maxv_cpus=self._max_vcpus,
            instance_types=list(self.capacity.instance_types),
            instance_role=self._profile.attr_arn,
            ec2_configuration=[
                _Environment.Ec2ConfigurationObjectProperty(
                    image_type="ECS_AL2023_NVIDIA" if self.capacity.gpu else "ECS_AL2023"
                )
            ],
            launch_template=_Environment.LaunchTemplateSpecificationProperty(
                launch_template_id=self.template.launch_template_id, version=self.template.latest_version_number
            ),
            subnets=[subnet.subnet_id for subnet in self._subnets],
            security_group_ids=[self._group.security_group_id],
            tags={
                PROJECT_TAG: PROJECT,
                ENVIRONMENT_TAG: self._names.env.name,
                "Name": self._names.job_queue(self.capacity.kind),
            },
        )

    def _launch_template(self) -> ec2.LaunchTemplate:
        disk = ec2.BlockDeviceVolume.ebs(
            _SYSTEM_DISK_GIB + self.capacity.storage_gib, encrypted=True, volume_type=ec2.EbsDeviceVolumeType.GP3
        )
        return ec2.LaunchTemplate(
            self,
            "Template",
            block_devices=[ec2.BlockDevice(device_name="/dev/xvda", volume=disk)],
            user_data=_user_data(),
            require_imdsv2=True,
            http_put_response_hop_limit=1,
            detailed_monitoring=True,
        )


def _user_data() -> ec2.UserData:
    """Jobs share the network of their instance: what is not root on it must not reach the instance's credentials."""
    script = ec2.UserData.for_linux()
    script.add_commands(
        f"iptables --insert OUTPUT --destination {_METADATA} --match owner --uid-owner {USER} --jump REJECT",
        "echo ECS_DISABLE_PRIVILEGED=true >> /etc/ecs/ecs.config",
        "echo ECS_ENABLE_AWSLOGS_EXECUTIONROLE_OVERRIDE=true >> /etc/ecs/ecs.config",
    )
    parts = ec2.MultipartUserData()
    parts.add_user_data_part(script, ec2.MultipartBody.SHELL_SCRIPT, make_default=True)
    return parts

"""EC2 instances for sizes that Fargate lacks: none while nothing runs, else as many as the waiting tasks need.

Sources: ECS developer guide, "Amazon ECS capacity providers for EC2 workloads", "Amazon ECS-optimized AMI", "Container
instance IAM role"; EC2 user guide, "Use IMDSv2".
"""

from __future__ import annotations

from aws_cdk import Tags
from aws_cdk import aws_autoscaling as autoscaling
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_iam as iam
from constructs import Construct

from platform_spec import ec2 as ec2_types
from platform_spec.naming import Names, construct_id

# Instances of one type at once: a bound on cost, not on the tasks, which wait for room.
MOST_INSTANCES = 10
_SYSTEM_DISK_GIB = 30  # the ECS-optimised AMI's own
_AMI = "/aws/service/ecs/optimized-ami/amazon-linux-2023/{variant}recommended/image_id"


class InstancesRole(iam.Role):
    """What the ECS agent on an instance may do: report to our cluster. Images, logs and data are the tasks' own rights.

    The tasks cannot reach it: one hop to the metadata service, and the agent blocks it for them.
    """

    def __init__(self, scope: Construct, id_: str, *, cluster: ecs.Cluster, names: Names) -> None:
        super().__init__(
            scope,
            id_,
            role_name=names.instance_role,
            assumed_by=iam.ServicePrincipal("ec2.amazonaws.com"),
            description="ECS agents on our instances act with it",
        )
        on_cluster = {"ArnEquals": {"ecs:cluster": cluster.cluster_arn}}
        instances = cluster.stack.format_arn(
            service="ecs", resource="container-instance", resource_name=f"{names.cluster}/*"
        )
        agent = ("DeregisterContainerInstance", "RegisterContainerInstance")
        submit = ("SubmitAttachmentStateChanges", "SubmitContainerStateChange", "SubmitTaskStateChange")
        talk = ("Poll", "StartTelemetrySession", "UpdateContainerInstancesState")
        self.policy = iam.ManagedPolicy(
            self,
            "Policy",
            roles=[self],
            statements=[
                iam.PolicyStatement(
                    sid="JoinCluster", actions=[f"ecs:{a}" for a in (*agent, *submit)], resources=[cluster.cluster_arn]
                ),
                iam.PolicyStatement(
                    sid="TalkToEcs", actions=[f"ecs:{a}" for a in talk], resources=[instances], conditions=on_cluster
                ),
                # Knows no resource (service authorization reference).
                iam.PolicyStatement(sid="FindEndpoint", actions=["ecs:DiscoverPollEndpoint"], resources=["*"]),
            ],
        )


class Instances(Construct):
    """Instances of one type for one cluster; `provider` is what RunTask names."""

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        instance_type: str,
        storage_gib: int,
        cluster: ecs.Cluster,
        names: Names,
        role: iam.IRole,
        security_group: ec2.ISecurityGroup,
        subnets: list[ec2.ISubnet],
    ) -> None:
        super().__init__(scope, id_)
        disk = ec2.BlockDeviceVolume.ebs(
            _SYSTEM_DISK_GIB + storage_gib, encrypted=True, volume_type=ec2.EbsDeviceVolumeType.GP3
        )
        self.template = ec2.LaunchTemplate(
            self,
            "Template",
            instance_type=ec2.InstanceType(instance_type),
            machine_image=ec2.MachineImage.resolve_ssm_parameter_at_launch(_ami(instance_type)),
            role=role,
            security_group=security_group,
            block_devices=[ec2.BlockDevice(device_name="/dev/xvda", volume=disk)],
            user_data=self._user_data(),
            require_imdsv2=True,
            http_put_response_hop_limit=1,
            detailed_monitoring=True,
            associate_public_ip_address=False,
        )
        group = autoscaling.AutoScalingGroup(
            self,
            "Group",
            vpc=cluster.vpc,
            vpc_subnets=ec2.SubnetSelection(subnets=subnets),
            launch_template=self.template,
            min_capacity=0,
            max_capacity=MOST_INSTANCES,
            # ECS alone decides which instance goes: one that still runs a task is protected.
            new_instances_protected_from_scale_in=True,
            group_metrics=[autoscaling.GroupMetrics.all()],
        )
        Tags.of(group).add("AmazonECSManaged", "true", apply_to_launched_instances=True)
        self.provider = ecs.AsgCapacityProvider(
            self,
            "Provider",
            capacity_provider_name=names.capacity_provider(instance_type),
            auto_scaling_group=group,
            minimum_scaling_step_size=1,
            maximum_scaling_step_size=MOST_INSTANCES,
            target_capacity_percent=100,
            instance_warmup_period=300,
            enable_managed_termination_protection=True,
        )
        cluster.add_asg_capacity_provider(self.provider)
        self.instance_type, self.name = instance_type, names.capacity_provider(instance_type)

    @staticmethod
    def _user_data() -> ec2.UserData:
        data = ec2.UserData.for_linux()
        data.add_commands(
            "echo ECS_AWSVPC_BLOCK_IMDS=true >> /etc/ecs/ecs.config",
            "echo ECS_DISABLE_PRIVILEGED=true >> /etc/ecs/ecs.config",
        )
        return data


def _ami(instance_type: str) -> str:
    """The SSM parameter under which AWS publishes the newest ECS-optimised image: looked up at each launch."""
    known = ec2_types.KNOWN.get(instance_type)
    gpu = known.gpus > 0 if known else instance_type[0] in "gp"
    variant = "gpu/" if gpu else "arm64/" if ec2_types.architecture(instance_type) == "arm64" else ""
    return _AMI.format(variant=variant)


def instances_id(instance_type: str) -> str:
    """`g4dn.xlarge` → `G4dnXlarge`: part of CloudFormation ids."""
    return construct_id(instance_type.replace(".", "_").replace("-", "_"))

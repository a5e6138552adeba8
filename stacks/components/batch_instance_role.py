"""What the ECS agent may do on instances that AWS Batch starts.

Source: AWS Batch User Guide, "Amazon ECS instance role"; Service Authorization Reference for Amazon ECS. Images, logs
and data are the rights of each task's own roles.
"""

from __future__ import annotations

from aws_cdk import Stack
from aws_cdk import aws_iam as iam
from constructs import Construct

from platform_spec.batch import CLUSTERS
from platform_spec.naming import Names


class BatchInstanceRole(Construct):
    """`role`, `policy`, and the instance `profile` that compute environments name."""

    def __init__(self, scope: Construct, id_: str, *, names: Names) -> None:
        super().__init__(scope, id_)
        stack = Stack.of(self)
        self.role = iam.Role(
            self,
            "Role",
            role_name=names.batch_instance_role,
            assumed_by=iam.ServicePrincipal("ec2.amazonaws.com"),
            description="ECS agents on instances of AWS Batch act with it",
        )

        def arns(resource: str, tail: str = "") -> list[str]:
            return [
                stack.format_arn(service="ecs", resource=resource, resource_name=f"{name}{tail}") for name in CLUSTERS
            ]

        join = ("DeregisterContainerInstance", "RegisterContainerInstance")
        submit = ("SubmitAttachmentStateChanges", "SubmitContainerStateChange", "SubmitTaskStateChange")
        talk = ("Poll", "StartTelemetrySession", "UpdateContainerInstancesState")
        self.policy = iam.ManagedPolicy(
            self,
            "Policy",
            roles=[self.role],
            statements=[
                iam.PolicyStatement(
                    sid="JoinCluster", actions=[f"ecs:{a}" for a in (*join, *submit)], resources=arns("cluster")
                ),
                iam.PolicyStatement(
                    sid="TalkToEcs", actions=[f"ecs:{a}" for a in talk], resources=arns("container-instance", "/*")
                ),
                # Knows no resource (service authorization reference).
                iam.PolicyStatement(sid="FindEndpoint", actions=["ecs:DiscoverPollEndpoint"], resources=["*"]),
            ],
        )
        self.profile = iam.CfnInstanceProfile(
            self, "Profile", instance_profile_name=names.batch_instance_role, roles=[self.role.role_name]
        )

"""What Airflow's workers on machines of one's own need for the lane `docker`."""

from __future__ import annotations

from collections.abc import Sequence

from aws_cdk import Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from constructs import Construct

from stacks.components.guest_task import GuestTask

_PULL = ("ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer")


class DockerWorkerPolicy(iam.ManagedPolicy):
    """Pull exactly these images, take on exactly these roles, read their results. Attached to `worker_role`."""

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        tasks: Sequence[GuestTask],
        worker_role: str,
        bucket: s3.IBucket,
        key: kms.IKey,
    ) -> None:
        worker = iam.Role.from_role_arn(scope, f"{id_}Role", worker_role)
        super().__init__(scope, id_, description="Run tasks of the lane docker", roles=[worker])
        self.tasks = tasks
        via = {"StringEquals": {"kms:ViaService": f"s3.{Stack.of(self).region}.amazonaws.com"}}
        results = [bucket.arn_for_objects(f"runs/{task.task.name}/*") for task in tasks]
        roles = [task.role.role_arn for task in tasks if task.role]
        self.add_statements(
            iam.PolicyStatement(sid="TakeOnTaskRoles", actions=["sts:AssumeRole"], resources=roles),
            iam.PolicyStatement(sid="LogInToEcr", actions=["ecr:GetAuthorizationToken"], resources=["*"]),
            iam.PolicyStatement(
                sid="PullImages", actions=list(_PULL), resources=[task.repository.repository_arn for task in tasks]
            ),
            iam.PolicyStatement(sid="ReadResults", actions=["s3:GetObject"], resources=results),
            iam.PolicyStatement(
                sid="UseKeyThroughS3", actions=["kms:Decrypt"], resources=[key.key_arn], conditions=via
            ),
        )

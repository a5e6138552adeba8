"""What Airflow's workers on machines of one's own need for the lane `docker`, and how a task's role trusts them."""

from __future__ import annotations

from collections.abc import Sequence

from aws_cdk import Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from constructs import Construct

from platform_spec.naming import Names
from stacks.components.guest_task import GuestTask

_PULL = ("ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer")


def docker_worker(worker_role: str, names: Names) -> iam.IPrincipal:
    """`worker_role` and nobody else. IAM refuses to trust by name what is yet to be made: ours is a condition."""
    if _is_ours(worker_role, names):
        account = iam.AccountPrincipal(worker_role.split(":")[4])
        return account.with_conditions({"ArnEquals": {"aws:PrincipalArn": worker_role}})
    return iam.ArnPrincipal(worker_role)


class DockerWorkerPolicy(iam.ManagedPolicy):
    """Pull exactly these images, take on exactly these roles, read their results.

    Attached to `worker_role`, unless that is the role of the airflow stack: then `for_airflow`, and attached there.
    """

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        tasks: Sequence[GuestTask],
        worker_role: str,
        names: Names,
        bucket: s3.IBucket,
        key: kms.IKey,
    ) -> None:
        self.for_airflow = _is_ours(worker_role, names)
        workers = [] if self.for_airflow else [iam.Role.from_role_arn(scope, f"{id_}Role", worker_role)]
        super().__init__(scope, id_, description="Run tasks of the lane docker", roles=workers)
        self.tasks = tasks
        via = {"StringEquals": {"kms:ViaService": f"s3.{Stack.of(self).region}.amazonaws.com"}}
        results = [bucket.arn_for_objects(f"runs/{task.task.name}/*") for task in tasks]
        roles = [task.role.role_arn for task in tasks if task.role]
        self.add_statements(
            iam.PolicyStatement(sid="TakeOnContainerRoles", actions=["sts:AssumeRole"], resources=roles),
            iam.PolicyStatement(sid="LogInToEcr", actions=["ecr:GetAuthorizationToken"], resources=["*"]),
            iam.PolicyStatement(
                sid="PullImages", actions=list(_PULL), resources=[task.repository.repository_arn for task in tasks]
            ),
            iam.PolicyStatement(sid="ReadResults", actions=["s3:GetObject"], resources=results),
            iam.PolicyStatement(
                sid="UseKeyThroughS3", actions=["kms:Decrypt"], resources=[key.key_arn], conditions=via
            ),
        )


def _is_ours(worker_role: str, names: Names) -> bool:
    """Whether the workers act with the role that the airflow stack makes, as those of `tasklane local` do."""
    return worker_role.endswith(f":role/{names.airflow_role}")

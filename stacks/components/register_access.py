"""`registers = ["articles_app"]` as policy statements: new revisions of one family, for images pushed since."""

from __future__ import annotations

from aws_cdk import Stack
from aws_cdk import aws_iam as iam

from platform_spec.naming import Names
from platform_spec.tasks import Task


def register_statements(stack: Stack, names: Names, task: Task) -> list[iam.PolicyStatement]:
    """Look at the task's images, register its `-newest` family with its own two roles, remove old revisions.

    Whoever may register a definition and pass a role decides what runs with that role. The execution role of MWAA,
    under which every DAG's code runs, therefore has none of this: it is for one program, which does nothing else.
    """
    if not task.access.registers:
        return []

    def arn(service: str, resource: str, name: str, region: str | None = None) -> str:
        return stack.format_arn(service=service, resource=resource, resource_name=name, region=region)

    of = task.access.registers
    families = [arn("ecs", "task-definition", f"{names.newest_family(name)}:*") for name in of]
    roles = [role for name in of for role in (names.task_role(name), names.execution_role(name))]
    return [
        iam.PolicyStatement(
            sid="SeeImages",
            actions=["ecr:DescribeImages"],
            resources=[arn("ecr", "repository", names.repository(name)) for name in of],
        ),
        iam.PolicyStatement(sid="RegisterRevisions", actions=["ecs:RegisterTaskDefinition"], resources=families),
        iam.PolicyStatement(
            sid="TagRevisions",
            actions=["ecs:TagResource"],
            resources=families,
            conditions={"StringEquals": {"ecs:CreateAction": "RegisterTaskDefinition"}},
        ),
        # These three know neither resource nor condition (service authorization reference of Amazon ECS).
        iam.PolicyStatement(
            sid="ReadAndRemoveRevisions",
            actions=["ecs:DescribeTaskDefinition", "ecs:ListTaskDefinitions", "ecs:DeregisterTaskDefinition"],
            resources=["*"],
        ),
        iam.PolicyStatement(
            sid="PassItsRoles",
            actions=["iam:PassRole"],
            resources=[arn("iam", "role", role, region="") for role in roles],
            conditions={"StringEquals": {"iam:PassedToService": "ecs-tasks.amazonaws.com"}},
        ),
    ]

"""The right to run our tasks: what the execution role of MWAA needs from the compute stack, in managed policies.

It lives beside the tasks, so that a new or removed task changes the compute stack alone: the Airflow stack imports
ARNs that stay the same, and CloudFormation has no export of a removed role to refuse.
"""

from __future__ import annotations

from collections.abc import Sequence

from aws_cdk import Stack
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs
from constructs import Construct

from stacks.components.fargate_task import FargateTask

# A managed policy holds 6,144 characters (IAM quotas) and a task with the longest names takes about 520 of them.
TASKS_PER_POLICY = 10


class RunTasksPolicy(iam.ManagedPolicy):
    """Run exactly these families on this cluster with their roles; watch and stop; read their logs; write metrics."""

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        cluster: ecs.Cluster,
        tasks: Sequence[FargateTask],
        metrics: logs.ILogGroup,
    ) -> None:
        super().__init__(scope, id_, description="Run, watch and stop the tasks of this environment, read their logs")
        stack = Stack.of(self)
        on_cluster = {"ArnEquals": {"ecs:cluster": cluster.cluster_arn}}
        running = cluster.arn_for_tasks("*")
        # A call that names the family alone is said to be authorized as `family` by some and as `family:<revision>` by
        # others (the ECS pages do not tell): both forms, and nothing but our families either way.
        families = [
            stack.format_arn(service="ecs", resource="task-definition", resource_name=f"{family}{form}")
            for task in tasks
            for family in task.families
            for form in ("", ":*")
        ]
        roles = [role.role_arn for task in tasks for role in (task.task_role, task.execution_role)]
        self.add_statements(
            iam.PolicyStatement(sid="WatchAndStop", actions=["ecs:DescribeTasks", "ecs:StopTask"], resources=[running]),
            # ListTasks knows no task as resource, only the cluster as condition (service authorization reference).
            iam.PolicyStatement(sid="ListTasks", actions=["ecs:ListTasks"], resources=["*"], conditions=on_cluster),
            iam.PolicyStatement(
                sid="TagOnRun",
                actions=["ecs:TagResource"],
                resources=[running],
                conditions={"StringEquals": {"ecs:CreateAction": "RunTask"}},
            ),
            iam.PolicyStatement(
                sid="WriteRunMetrics",
                actions=["logs:CreateLogStream", "logs:PutLogEvents"],
                resources=[metrics.log_group_arn],
            ),
        )
        if tasks:
            self.add_statements(
                iam.PolicyStatement(sid="RunTasks", actions=["ecs:RunTask"], resources=families, conditions=on_cluster),
                iam.PolicyStatement(
                    sid="PassRoles",
                    actions=["iam:PassRole"],
                    resources=roles,
                    conditions={"StringEquals": {"iam:PassedToService": "ecs-tasks.amazonaws.com"}},
                ),
                iam.PolicyStatement(
                    sid="ReadTaskLogs",
                    actions=["logs:FilterLogEvents"],
                    resources=[task.log_group.log_group_arn for task in tasks],
                ),
            )

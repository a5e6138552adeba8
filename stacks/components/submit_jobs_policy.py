"""The right to run our tasks on AWS Batch: what the execution role of MWAA needs from the batch stack.

Source: Service Authorization Reference, "Actions, resources, and condition keys for AWS Batch".
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from aws_cdk import Stack
from aws_cdk import aws_iam as iam
from constructs import Construct

from platform_spec.naming import Names
from stacks.components.batch_task import BatchTask

# A managed policy holds 6,144 characters (IAM quotas).
TASKS_PER_POLICY = 10
# What the DAG kit tags each job with: the jobs that it may end are known by it.
ENVIRONMENT_TAG = "tasklane:environment"


class SubmitJobsPolicy(iam.ManagedPolicy):
    """Submit exactly these job definitions to these queues; watch; end jobs of this environment; read their logs.

    No iam:PassRole: the roles stand in the job definition, and only who registers one passes them.
    """

    def __init__(
        self, scope: Construct, id_: str, *, names: Names, tasks: Sequence[BatchTask], queues: Iterable[str]
    ) -> None:
        super().__init__(scope, id_, description="Run, watch and end the Batch jobs of this environment")
        self.tasks = tasks
        stack = Stack.of(self)
        jobs = stack.format_arn(service="batch", resource="job", resource_name="*")
        # By name alone and with any revision: an earlier release names an earlier one.
        definitions = [
            stack.format_arn(
                service="batch",
                resource="job-definition",
                resource_name=f"{names.job_definition(task.task.name)}{form}",
            )
            for task in tasks
            for form in ("", ":*")
        ]
        ours = names.env.name
        self.add_statements(
            iam.PolicyStatement(sid="SubmitJobs", actions=["batch:SubmitJob"], resources=[*definitions, *queues]),
            # A job has no name before it is submitted, and Batch has no key that says "while it is submitted".
            iam.PolicyStatement(
                sid="TagOnSubmit",
                actions=["batch:TagResource"],
                resources=[jobs],
                conditions={"StringEquals": {f"aws:RequestTag/{ENVIRONMENT_TAG}": ours}},
            ),
            # TerminateJob ends jobs that still wait, too: CancelJob is not needed.
            iam.PolicyStatement(
                sid="EndJobs",
                actions=["batch:TerminateJob"],
                resources=[jobs],
                conditions={"StringEquals": {f"aws:ResourceTag/{ENVIRONMENT_TAG}": ours}},
            ),
            # These know neither resource nor condition.
            iam.PolicyStatement(sid="WatchJobs", actions=["batch:DescribeJobs", "batch:ListJobs"], resources=["*"]),
            iam.PolicyStatement(
                sid="ReadJobLogs",
                actions=["logs:FilterLogEvents"],
                resources=[task.log_group.log_group_arn for task in tasks],
            ),
        )

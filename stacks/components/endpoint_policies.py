"""What may pass through each VPC endpoint: our own principals, doing to our own resources what this platform does.

An endpoint policy stops what a role policy cannot: the use of foreign credentials from inside the network, and data
leaving to somebody else's bucket, queue or registry.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from aws_cdk import ArnFormat, Stack
from aws_cdk import aws_iam as iam

from platform_spec.naming import PROJECT, Names
from stacks.components.notification_rights import topic_arn
from stacks.components.table_access import ACTIONS as TABLE_ACTIONS


def allow(
    stack: Stack, sid: str, actions: Sequence[str], resources: Sequence[str], *, anyone: bool = False
) -> iam.PolicyStatement:
    """One statement; `anyone`: principals of other accounts too (AWS's own, when it acts for MWAA or ECR)."""
    return iam.PolicyStatement(
        sid=sid,
        principals=[iam.AnyPrincipal()],
        actions=list(actions),
        resources=list(resources),
        conditions=None if anyone else {"StringEquals": {"aws:PrincipalAccount": stack.account}},
    )


def interface_policies(stack: Stack, names: Names, key_arn: str) -> dict[str, list[iam.PolicyStatement]]:
    """Statements for each interface endpoint, by the name of its service in CDK."""

    def arn(service: str, resource: str, name: str, account: str | None = None) -> str:
        colon = service in ("logs", "secretsmanager")
        style = ArnFormat.COLON_RESOURCE_NAME if colon else ArnFormat.SLASH_RESOURCE_NAME
        return stack.format_arn(
            service=service, resource=resource, resource_name=name, account=account, arn_format=style
        )

    task_roles = stack.format_arn(service="iam", region="", resource="role", resource_name=f"{names.prefix}-*-task")
    queue = stack.format_arn(service="sqs", account="*", resource="airflow-celery-*")
    ecs = [
        arn("ecs", "task-definition", f"{names.prefix}-*"),
        arn("ecs", "task", f"{names.cluster}/*"),
        arn("ecs", "container-instance", f"{names.cluster}/*"),
        arn("ecs", "cluster", names.cluster),
    ]
    log_groups = [
        arn("logs", "log-group", f"airflow-{names.mwaa_environment}-*"),
        arn("logs", "log-group", f"/{PROJECT}/{names.env.name}/*"),
    ]
    pulls = ["ecr:GetAuthorizationToken", "ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage"]
    pulls.append("ecr:GetDownloadUrlForLayer")
    own_images = arn("ecr", "repository", f"{names.prefix}/*")
    policies = {
        # Pull only: images of AWS (MWAA's own) come from repositories whose names are not published.
        "ECR": [
            allow(stack, "Pull", pulls, ["*"], anyone=True),
            allow(stack, "SeeOwnImages", ["ecr:DescribeImages"], [own_images]),
        ],
        "ECR_DOCKER": [allow(stack, "Pull", pulls, ["*"], anyone=True)],
        "CLOUDWATCH_LOGS": [
            allow(stack, "OwnLogGroups", ["logs:*"], log_groups),
            allow(stack, "List", ["logs:DescribeLogGroups"], ["*"]),
        ],
        # The queue of MWAA lies in an account of AWS that is not known beforehand; its name is.
        "SQS": [allow(stack, "CeleryQueues", CELERY_ACTIONS, [queue])],
        "KMS": [allow(stack, "OwnKey", [*KMS_ACTIONS, "kms:CreateGrant"], [key_arn], anyone=True)],
        "STS": [
            allow(stack, "WhoAmI", ["sts:GetCallerIdentity"], ["*"]),
            # What an Airflow worker takes on for a task of its own (lane virtualenv).
            allow(stack, "TakeOnTaskRoles", ["sts:AssumeRole"], [task_roles]),
        ],
        "SSM": [
            allow(
                stack,
                "OwnParameters",
                ["ssm:GetParameter", "ssm:GetParameters", "ssm:GetParametersByPath"],
                [arn("ssm", "parameter", f"{PROJECT}/{names.env.name}/*")],
            )
        ],
        "SECRETS_MANAGER": [
            allow(
                stack,
                "OwnSecrets",
                ["secretsmanager:GetSecretValue", "secretsmanager:DescribeSecret"],
                [arn("secretsmanager", "secret", f"{names.prefix}/*")],
            )
        ],
        "ECS": [allow(stack, "OwnTasks", ECS_ACTIONS, ecs), allow(stack, "Unscoped", ECS_UNSCOPED, ["*"])],
        "CLOUDWATCH_MONITORING": [allow(stack, "Metrics", ["cloudwatch:PutMetricData"], ["*"])],
        # What MWAA itself calls through these two is not documented.
        "AIRFLOW_API": [allow(stack, "Airflow", ["airflow:*"], ["*"], anyone=True)],
        "AIRFLOW_ENV": [allow(stack, "Airflow", ["airflow:*"], ["*"], anyone=True)],
    }
    if names.env.notifications.failures == "sns":
        policies["SNS"] = [allow(stack, "TellFailures", ["sns:Publish"], [topic_arn(stack, names)])]
    return policies


def batch_policies(stack: Stack, names: Names) -> dict[str, list[iam.PolicyStatement]]:
    """For the endpoint of AWS Batch: our job definitions and queues; jobs have no names before they are submitted."""

    def arn(resource: str, name: str) -> str:
        return stack.format_arn(service="batch", resource=resource, resource_name=name)

    ours = [arn("job-definition", f"{names.prefix}-*"), arn("job-queue", f"{names.prefix}-*")]
    return {
        "BATCH": [
            allow(stack, "SubmitOurs", ["batch:SubmitJob"], ours),
            allow(stack, "Jobs", ["batch:TagResource", "batch:TerminateJob"], [arn("job", "*")]),
            allow(stack, "Watch", ["batch:DescribeJobs", "batch:ListJobs"], ["*"]),
        ]
    }


def agent_policies(stack: Stack, clusters: Sequence[str]) -> dict[str, list[iam.PolicyStatement]]:
    """What ECS agents on instances need besides, by endpoint (ECS developer guide, "Interface VPC endpoints")."""
    theirs = [
        stack.format_arn(service="ecs", resource=resource, resource_name=name)
        for cluster in clusters
        for resource, name in (("cluster", cluster), ("container-instance", f"{cluster}/*"))
    ]
    agents = [
        allow(stack, "Agents", [f"ecs:{action}" for action in AGENT_ACTIONS], theirs),
        allow(stack, "FindEndpoint", ["ecs:DiscoverPollEndpoint"], ["*"]),
    ]
    return {"ECS": agents, "ECS_AGENT": agents, "ECS_TELEMETRY": agents}


def s3_policy(stack: Stack, *, dag_bucket_arn: str, data_bucket_arn: str) -> list[iam.PolicyStatement]:
    """For the S3 gateway: our buckets, and the bucket in which ECR keeps image layers (ECR user guide).

    Nothing inside the network may write DAGs: they run with the rights of MWAA's execution role.
    """
    buckets = [arn for bucket in (dag_bucket_arn, data_bucket_arn) for arn in (bucket, f"{bucket}/*")]
    layers = f"arn:{stack.partition}:s3:::prod-{stack.region}-starport-layer-bucket/*"
    return [
        allow(stack, "ReadBuckets", S3_READ, buckets, anyone=True),
        allow(stack, "WriteData", S3_WRITE, [f"{data_bucket_arn}/*"]),
        allow(stack, "ImageLayers", ["s3:GetObject"], [layers], anyone=True),
        allow(stack, "MwaaStartCheck", ["s3:GetAccountPublicAccessBlock"], ["*"], anyone=True),
    ]


def tables_policy(stack: Stack, names: Names, tables: Iterable[str]) -> list[iam.PolicyStatement]:
    """For the DynamoDB gateway: the environment's own tables."""
    own = [stack.format_arn(service="dynamodb", resource="table", resource_name=names.table(name)) for name in tables]
    return [allow(stack, "OwnTables", TABLE_ACTIONS, own)]


CELERY_ACTIONS = (
    "sqs:ChangeMessageVisibility",
    "sqs:DeleteMessage",
    "sqs:GetQueueAttributes",
    "sqs:GetQueueUrl",
    "sqs:ReceiveMessage",
    "sqs:SendMessage",
)
KMS_ACTIONS = ("kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey*")
AGENT_ACTIONS = (
    *("RegisterContainerInstance", "DeregisterContainerInstance", "UpdateContainerInstancesState"),
    *("SubmitAttachmentStateChanges", "SubmitContainerStateChange", "SubmitTaskStateChange"),
    *("Poll", "StartTelemetrySession"),
)
# Known to no resource; the roles that have them are few.
ECS_UNSCOPED = (
    "ecs:DeregisterTaskDefinition",
    "ecs:DescribeTaskDefinition",
    "ecs:ListTaskDefinitions",
    "ecs:ListTasks",
)
ECS_ACTIONS = ("ecs:RunTask", "ecs:StopTask", "ecs:DescribeTasks", "ecs:RegisterTaskDefinition", "ecs:TagResource")
S3_READ = ("s3:GetObject*", "s3:GetBucket*", "s3:List*")
S3_WRITE = ("s3:PutObject", "s3:AbortMultipartUpload")

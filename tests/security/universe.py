"""What our roles must not do: every action of every service we touch on what is not ours, and ours in the wrong way.

Action names come from botocore's service models, so that a new one is covered when boto3 is updated.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

import botocore.session

from tests.security.conftest import ACCOUNT, ENVIRONMENT, REGION
from tests.security.policy import Call

# IAM prefix → service in botocore. Not only what we use: what an attacker would use too.
SERVICES = {
    "airflow": "mwaa",
    "batch": "batch",
    "cloudformation": "cloudformation",
    "cloudwatch": "cloudwatch",
    "ec2": "ec2",
    "ecr": "ecr",
    "ecs": "ecs",
    "events": "events",
    "iam": "iam",
    "kms": "kms",
    "lambda": "lambda",
    "logs": "logs",
    "s3": "s3",
    "secretsmanager": "secretsmanager",
    "sns": "sns",
    "sqs": "sqs",
    "ssm": "ssm",
    "sts": "sts",
}
# Where the name of the action is not the name of the operation, or there is no operation of that name.
_EXTRA = {
    "s3": (
        "GetObjectVersion",
        "PutObjectVersionAcl",
        "DeleteObjectVersion",
        "BypassGovernanceRetention",
        "ListBucketVersions",
        "GetAccountPublicAccessBlock",
        "PutAccountPublicAccessBlock",
        "PutEncryptionConfiguration",
        "PutBucketPublicAccessBlock",
    ),
    "iam": ("PassRole", "CreateServiceLinkedRole"),
    "airflow": ("PublishMetrics",),
    "kms": ("ReEncryptFrom", "ReEncryptTo"),
}
PREFIX = f"tasklane-{ENVIRONMENT}"
AIRFLOW, TASK, EXEC = f"{PREFIX}-airflow", f"{PREFIX}-microbiome-task", f"{PREFIX}-microbiome-exec"
LIGHT = f"{PREFIX}-least_squares-task"  # of a task on the workers: Airflow's own role takes it on
OTHER_TASKS = tuple(
    f"{PREFIX}-{name}-task"
    for name in ("articles_app", "daily_transform", "newest_image", "recommendation", "related_articles", "s3_json")
)
JOB_TASK = f"{PREFIX}-recommendation_inference-task"  # of a job of AWS Batch
CLUSTER = f"arn:aws:ecs:{REGION}:{ACCOUNT}:cluster/{PREFIX}"
JOB, JOB_TAG = f"arn:aws:batch:{REGION}:{ACCOUNT}:job/0000", "tasklane:environment"
DATA, DAGS = (f"arn:aws:s3:::{PREFIX}-{name}-{ACCOUNT}-{REGION}" for name in ("data", "dags"))
KEY = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/the-key-of-the-environment"
# Every condition that our policies ask for is fulfilled: the resource alone must be the reason to refuse.
GENEROUS = {
    "ecs:cluster": CLUSTER,
    "ecs:CreateAction": "RunTask",
    "iam:PassedToService": "ecs-tasks.amazonaws.com",
    "kms:ViaService": f"s3.{REGION}.amazonaws.com",
    "s3:prefix": "raw/",
}


@cache
def actions(service: str) -> tuple[str, ...]:
    """All actions of a service by its IAM prefix."""
    model = botocore.session.get_session().get_service_model(SERVICES[service])
    return tuple(f"{service}:{name}" for name in (*model.operation_names, *_EXTRA.get(service, ())))


def foreign_resources(role: str) -> dict[str, list[str]]:
    """Resources of another environment, another task, another account, or of nobody in particular ("*")."""
    of_other_tasks = [] if role == AIRFLOW else [f"{DATA}/runs/other/x"]  # DAGs read what their tasks leave there
    other, regional = "tasklane-other", f"{REGION}:{ACCOUNT}"
    abroad = f"{REGION}:999999999999"
    logs = f"arn:aws:logs:{regional}:log-group:"
    return {
        "airflow": [f"arn:aws:airflow:{regional}:environment/{other}", "*"],
        "batch": [
            f"arn:aws:batch:{regional}:job-definition/{other}-microbiome:1",
            f"arn:aws:batch:{regional}:job-definition/{PREFIX}-other:1",
            f"arn:aws:batch:{abroad}:job-definition/{PREFIX}-recommendation_inference:1",
            f"arn:aws:batch:{regional}:job-queue/{other}-fargate",
            f"arn:aws:batch:{abroad}:job-queue/{PREFIX}-fargate",
            f"arn:aws:batch:{regional}:compute-environment/{PREFIX}-any",
            f"arn:aws:batch:{regional}:job/0000",  # without the tag of this environment
            "*",
        ],
        "cloudformation": [f"arn:aws:cloudformation:{regional}:stack/{PREFIX}-storage/1", "*"],
        "cloudwatch": [f"arn:aws:cloudwatch:{regional}:alarm:{PREFIX}-failed", "*"],
        "ec2": [f"arn:aws:ec2:{regional}:security-group/sg-1", "*"],
        "ecr": [f"arn:aws:ecr:{regional}:repository/{name}" for name in (f"{other}/microbiome", f"{PREFIX}/other")]
        + ["*"],
        "ecs": [
            f"arn:aws:ecs:{regional}:task-definition/{other}-microbiome:1",
            f"arn:aws:ecs:{regional}:task-definition/{PREFIX}-other:1",
            f"arn:aws:ecs:{abroad}:task-definition/{PREFIX}-microbiome:1",
            f"arn:aws:ecs:{regional}:task/{other}/0000",
            f"arn:aws:ecs:{regional}:cluster/{PREFIX}",
            f"arn:aws:ecs:{regional}:service/{PREFIX}/any",
            "*",
        ],
        "events": [f"arn:aws:events:{regional}:rule/{PREFIX}-failed", "*"],
        "iam": [
            *(
                f"arn:aws:iam::{ACCOUNT}:role/{role}"
                for role in (AIRFLOW, f"{other}-microbiome-task", f"{PREFIX}-other-task")
            ),
            f"arn:aws:iam::999999999999:role/{TASK}",
            f"arn:aws:iam::{ACCOUNT}:role/Admin",
            f"arn:aws:iam::{ACCOUNT}:policy/any",
            "*",
        ],
        "kms": [f"arn:aws:kms:{regional}:key/another", f"arn:aws:kms:{abroad}:key/the-key-of-the-environment", "*"],
        "lambda": [f"arn:aws:lambda:{regional}:function:{PREFIX}", "*"],
        "logs": [
            f"{logs}/tasklane/other/microbiome:log-stream:s",
            f"{logs}/tasklane/{ENVIRONMENT}/other:log-stream:s",
            f"{logs}airflow-{other}-Task:log-stream:s",
            f"{logs}/tasklane/{ENVIRONMENT}/network/flow-logs:log-stream:s",
            "*",
        ],
        "s3": [
            f"arn:aws:s3:::{other}-data-{ACCOUNT}-{REGION}",
            f"arn:aws:s3:::{other}-data-{ACCOUNT}-{REGION}/raw/x",
            f"arn:aws:s3:::{PREFIX}-logs-{ACCOUNT}-{REGION}/dags/x",
            f"{DATA}/samples/other/x",
            f"{DATA}/x",
            *of_other_tasks,
            "*",
        ],
        "secretsmanager": [f"arn:aws:secretsmanager:{regional}:secret:{PREFIX}/other/API_KEY-abcdef", "*"],
        "sns": [
            *(f"arn:aws:sns:{regional}:{name}" for name in (f"{other}-alarms", f"{PREFIX}-other")),
            f"arn:aws:sns:{abroad}:{PREFIX}-alarms",
            *([] if role == AIRFLOW else [f"arn:aws:sns:{regional}:{PREFIX}-alarms"]),
            "*",
        ],
        "sqs": [f"arn:aws:sqs:{regional}:other", f"arn:aws:sqs:{abroad}:airflow-other", "*"],
        "ssm": [f"arn:aws:ssm:{regional}:parameter/tasklane/{ENVIRONMENT}/deployment/storage", "*"],
        "sts": [f"arn:aws:iam::{ACCOUNT}:role/{AIRFLOW}", f"arn:aws:iam::{ACCOUNT}:role/{TASK}", "*"],
    }


def foreign_calls(role: str) -> Iterator[Call]:
    for service, resources in foreign_resources(role).items():
        for action in actions(service):
            for resource in resources:
                yield Call.of(role, action, resource, GENEROUS)


def misuse() -> list[Call]:
    """Our own resources in a way that nobody needs: each condition of each policy stands against one of these."""
    other_cluster = CLUSTER.replace(PREFIX, "tasklane-other")
    family = f"arn:aws:ecs:{REGION}:{ACCOUNT}:task-definition/{PREFIX}-microbiome:1"
    task = f"arn:aws:ecs:{REGION}:{ACCOUNT}:task/{PREFIX}/0000"
    instances = f"arn:aws:ecs:{REGION}:{ACCOUNT}:container-instance"
    role = f"arn:aws:iam::{ACCOUNT}:role/{TASK}"
    calls = [
        Call.of(AIRFLOW, "ecs:RunTask", family, {"ecs:cluster": other_cluster}),
        Call.of(AIRFLOW, "ecs:ListTasks", f"{instances}/tasklane-other/*", {"ecs:cluster": other_cluster}),
        Call.of(AIRFLOW, "ecs:TagResource", task),
        Call.of(AIRFLOW, "ecs:TagResource", task, {"ecs:CreateAction": "CreateService"}),
        *(
            Call.of(AIRFLOW, action, JOB, {key: "other"})
            for action, key in (
                ("batch:TagResource", f"aws:RequestTag/{JOB_TAG}"),
                ("batch:TerminateJob", f"aws:ResourceTag/{JOB_TAG}"),
            )
        ),
        Call.of(AIRFLOW, "iam:PassRole", role, {"iam:PassedToService": "lambda.amazonaws.com"}),
        Call.of(AIRFLOW, "iam:PassRole", role),
    ]
    registrar, application = f"{PREFIX}-newest_image-task", f"{PREFIX}-articles_app"
    newest = f"arn:aws:ecs:{REGION}:{ACCOUNT}:task-definition/{PREFIX}-articles_app-newest:1"
    calls += [
        Call.of(registrar, "ecs:TagResource", newest, {"ecs:CreateAction": "RunTask"}),
        *(
            Call.of(registrar, "iam:PassRole", f"arn:aws:iam::{ACCOUNT}:role/{application}-{end}", passed)
            for end in ("task", "exec")
            for passed in ({}, {"iam:PassedToService": "lambda.amazonaws.com"})
        ),
    ]
    for who in (AIRFLOW, TASK, LIGHT, JOB_TASK, *OTHER_TASKS):
        calls += [
            Call.of(who, "kms:Decrypt", KEY),
            Call.of(who, "kms:Decrypt", KEY, {"kms:ViaService": f"ec2.{REGION}.amazonaws.com"}),
            Call.of(who, "s3:ListBucket", DATA),
            Call.of(who, "s3:ListBucket", DATA, {"s3:prefix": ""}),
            Call.of(who, "s3:ListBucket", DATA, {"s3:prefix": "secret/"}),
        ]
    return calls

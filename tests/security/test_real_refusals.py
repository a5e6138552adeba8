"""A sample of the matrix by real calls against deployed stacks, and the two judges of policies against each other."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.security.conftest import ACCOUNT, REGION, Platform
from tests.security.policy import Call, Grant, allowed
from tests.security.recorded import any_key
from tests.security.universe import AIRFLOW, CLUSTER, EXEC, JOB_TASK, PREFIX, TASK

DATA, DAGS = (f"{PREFIX}-{name}-{ACCOUNT}-{REGION}" for name in ("data", "dags"))
AIRFLOW_ROLE, TASK_ROLE = (f"arn:aws:iam::{ACCOUNT}:role/{role}" for role in (AIRFLOW, TASK))
POLICY = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]})
SECRET, PARAMETER, QUEUE = f"{PREFIX}/other/API_KEY", "/tasklane/local/deployment/storage", "other-queue"
Calls = list[tuple[str, str, dict[str, Any]]]

ANYBODY: Calls = [
    ("s3", "put_object", {"Bucket": DAGS, "Key": "dags/x.py", "Body": b""}),
    ("s3", "delete_object", {"Bucket": DATA, "Key": "raw/x"}),
    ("s3", "get_object", {"Bucket": DATA, "Key": "secret/x"}),
    ("s3", "put_object", {"Bucket": DATA, "Key": "raw/x", "Body": b""}),
    ("s3", "list_objects_v2", {"Bucket": DATA}),
    ("s3", "get_object", {"Bucket": "foreign-bucket", "Key": "raw/x"}),
    ("s3", "put_bucket_policy", {"Bucket": DATA, "Policy": POLICY}),
    ("s3", "list_object_versions", {"Bucket": DATA}),
    ("iam", "create_role", {"RoleName": "x", "AssumeRolePolicyDocument": POLICY}),
    ("iam", "put_role_policy", {"RoleName": TASK, "PolicyName": "x", "PolicyDocument": POLICY}),
    ("iam", "attach_role_policy", {"RoleName": TASK, "PolicyArn": "arn:aws:iam::aws:policy/AdministratorAccess"}),
    ("iam", "update_assume_role_policy", {"RoleName": AIRFLOW, "PolicyDocument": POLICY}),
    ("iam", "create_access_key", {"UserName": "x"}),
    ("sts", "assume_role", {"RoleArn": TASK_ROLE, "RoleSessionName": "xx"}),
    ("sts", "assume_role", {"RoleArn": AIRFLOW_ROLE, "RoleSessionName": "xx"}),
    ("ssm", "get_parameter", {"Name": PARAMETER}),
    ("ssm", "put_parameter", {"Name": PARAMETER, "Value": "{}", "Overwrite": True}),
    ("secretsmanager", "get_secret_value", {"SecretId": SECRET}),
    ("kms", "generate_data_key", {"KeyId": f"alias/{PREFIX}", "KeySpec": "AES_256"}),
    ("kms", "schedule_key_deletion", {"KeyId": f"alias/{PREFIX}"}),
    ("ecs", "register_task_definition", {"family": f"{PREFIX}-microbiome", "containerDefinitions": []}),
    ("ecs", "update_cluster", {"cluster": PREFIX}),
    ("ecr", "delete_repository", {"repositoryName": f"{PREFIX}/microbiome", "force": True}),
    ("ecr", "put_image", {"repositoryName": f"{PREFIX}/microbiome", "imageManifest": "{}"}),
    ("logs", "delete_log_group", {"logGroupName": "/tasklane/local/microbiome"}),
    ("logs", "get_log_events", {"logGroupName": "/tasklane/local/network/flow-logs", "logStreamName": "x"}),
    ("cloudformation", "delete_stack", {"StackName": f"{PREFIX}-storage"}),
]


@pytest.fixture(scope="module", autouse=True)
def others(platform: Platform) -> None:
    """What belongs to others, really there: that it is missing must not be the reason of a refusal."""
    platform.client("secretsmanager").create_secret(Name=SECRET, SecretString="planted")
    platform.client("s3").create_bucket(Bucket="foreign-bucket")
    for bucket, key in (("foreign-bucket", "raw/x"), (DATA, "raw/x"), (DATA, "secret/x"), (DATA, "results/x")):
        platform.client("s3").put_object(Bucket=bucket, Key=key, Body=b"1")
    platform.client("iam").create_user(UserName="x")


@pytest.mark.parametrize("role", [AIRFLOW, TASK, EXEC])
@pytest.mark.parametrize(("service", "operation", "request_"), ANYBODY, ids=lambda value: str(value)[:30])
def test_what_no_role_may_do(platform: Platform, role: str, service: str, operation: str, request_: dict) -> None:
    refused(getattr(platform.client(service, role), operation), **request_)


def run_task(platform: Platform, **changed: Any) -> dict[str, Any]:
    request = {"cluster": PREFIX, "taskDefinition": f"{PREFIX}-microbiome", "launchType": "FARGATE"}
    return {**request, "networkConfiguration": platform.network(), **changed}


@pytest.mark.parametrize(
    "changed",
    [
        {"overrides": {"taskRoleArn": AIRFLOW_ROLE}},
        {"overrides": {"taskRoleArn": f"arn:aws:iam::{ACCOUNT}:role/foreign"}},
        {"overrides": {"executionRoleArn": AIRFLOW_ROLE}},
        {"taskDefinition": "foreign"},
        {"cluster": "foreign"},
    ],
    ids=str,
)
def test_airflow_cannot_run_with_another_role_family_or_cluster(platform: Platform, changed: dict[str, Any]) -> None:
    trust = {"Effect": "Allow", "Principal": {"Service": "ecs-tasks.amazonaws.com"}, "Action": "sts:AssumeRole"}
    _make_foreign(platform, json.dumps({"Version": "2012-10-17", "Statement": [trust]}))
    message = refused(platform.client("ecs", AIRFLOW).run_task, **run_task(platform, **changed))
    assert ("iam:PassRole" if "overrides" in changed else "ecs:RunTask") in message


def _make_foreign(platform: Platform, trust: str) -> None:
    ecs, iam = platform.client("ecs"), platform.client("iam")
    if any(role["RoleName"] == "foreign" for role in iam.list_roles()["Roles"]):
        return
    role = iam.create_role(RoleName="foreign", AssumeRolePolicyDocument=trust)["Role"]["Arn"]
    ecs.create_cluster(clusterName="foreign")
    ecs.register_task_definition(
        family="foreign",
        requiresCompatibilities=["FARGATE"],
        networkMode="awsvpc",
        cpu="256",
        memory="512",
        taskRoleArn=role,
        executionRoleArn=role,
        containerDefinitions=[{"name": "x", "image": "x"}],
    )


@pytest.mark.parametrize("role", [TASK, EXEC])
def test_a_task_cannot_start_stop_or_see_tasks(platform: Platform, role: str) -> None:
    ecs = platform.client("ecs", role)
    task = CLUSTER.replace(":cluster/", ":task/") + "/" + "0" * 32
    refused(ecs.run_task, **run_task(platform))
    refused(ecs.list_tasks, cluster=PREFIX)
    refused(ecs.describe_tasks, cluster=PREFIX, tasks=[task])
    refused(ecs.stop_task, cluster=PREFIX, task=task)


def test_airflow_submits_our_jobs_to_our_queue_with_our_tag_and_no_others(platform: Platform) -> None:
    root = platform.client("batch")
    container = {"image": "x", "vcpus": 1, "memory": 4}
    root.register_job_definition(jobDefinitionName="foreign", type="container", containerProperties=container)
    [known] = root.describe_job_queues(jobQueues=[f"{PREFIX}-fargate"])["jobQueues"]
    root.create_job_queue(jobQueueName="foreign", priority=1, computeEnvironmentOrder=known["computeEnvironmentOrder"])
    request = {"jobName": "x", "jobQueue": f"{PREFIX}-fargate", "jobDefinition": f"{PREFIX}-recommendation_inference"}
    request |= {"tags": {"tasklane:environment": "local"}}
    changes = ({"jobDefinition": "foreign"}, {"jobQueue": "foreign"}, {"tags": {"tasklane:environment": "other"}})
    for change in changes:
        refused(platform.client("batch", AIRFLOW).submit_job, **{**request, **change})
    foreign = root.submit_job(**{**request, "tags": {}, "jobName": "foreign"})["jobId"]
    refused(platform.client("batch", AIRFLOW).terminate_job, jobId=foreign, reason="not mine")
    refused(
        platform.client("batch", AIRFLOW).register_job_definition,
        jobDefinitionName=f"{PREFIX}-recommendation_inference",
        type="container",
        containerProperties=container,
    )
    for role in (TASK, EXEC, JOB_TASK):
        refused(platform.client("batch", role).submit_job, **request)


def test_the_emulator_and_our_own_judge_agree(platform: Platform, grants: list[Grant]) -> None:
    """On every call of our roles that these tests made: two evaluators, written apart, one answer."""
    differing, judged = [], 0
    for line in platform.audit.read_text().splitlines():
        entry = json.loads(line)
        role = entry["principal"].split("/")[1] if ":assumed-role/" in entry["principal"] else ""
        if not role.startswith(PREFIX) or entry["action"] == "sts:AssumeRole":  # judged by trust policies
            continue
        call = Call.of(role, entry["action"], any_key(entry["resource"]), entry["conditions"])
        judged += 1
        if allowed(call, grants) != entry["allowed"]:
            differing.append(call)
    assert differing == []
    assert judged > 80


def refused(call: Callable[..., Any], **request: Any) -> str:
    """Make a call that IAM must refuse; the message."""
    with pytest.raises(ClientError) as raised:
        call(**request)
    error = raised.value.response["Error"]
    assert error["Code"] in ("AccessDenied", "AccessDeniedException"), error
    return str(error["Message"])

"""Every statement of every role, exactly: a right that is added anywhere fails here first."""

from __future__ import annotations

import aws_cdk as cdk
import pytest
from aws_cdk import aws_kms as kms

from platform_spec.batch import kind_of
from platform_spec.environments import load_environment
from platform_spec.lanes import ON_ECS
from platform_spec.naming import Names
from platform_spec.notification_settings import NotificationSettings
from platform_spec.tasks import Access, Task, load_dag_access, load_tasks, with_image
from stacks.components.notification_rights import notification_statements
from tests.stacks.conftest import ROOT
from tests.stacks.evaluate import Deployment, Statement, rights, statements

ALL_TASKS = load_tasks(ROOT)
TASKS = with_image(ALL_TASKS)
ON_OUR_CLUSTER = {name: task for name, task in TASKS.items() if task.lane in ON_ECS}
JOBS = {name: task for name, task in TASKS.items() if task.lane == "batch"}


def data_rights(deployment: Deployment, access: Access) -> dict[str, Statement]:
    """What access intents come to."""
    bucket = f"arn:aws:s3:::tasklane-{deployment.name}-data-{deployment.account}-{deployment.region}"
    expected: dict[str, Statement] = {}
    if access.read:
        expected["ReadData"] = (["s3:GetObject"], sorted(f"{bucket}/{p}*" for p in access.read), None)
    if access.read or access.list:
        listed = {"StringLike": {"s3:prefix": [f"{p}*" for p in sorted({*access.read, *access.list})]}}
        expected["ListData"] = (["s3:ListBucket"], [bucket], listed)
    if access.write:
        puts = ["s3:AbortMultipartUpload", "s3:PutObject"]
        expected["WriteData"] = (puts, sorted(f"{bucket}/{p}*" for p in access.write), None)
    if access.read or access.write:
        actions = ["kms:Decrypt", "kms:GenerateDataKey"] if access.write else ["kms:Decrypt"]
        via = {"StringEquals": {"kms:ViaService": f"s3.{deployment.region}.amazonaws.com"}}
        expected["UseKeyThroughS3"] = (actions, [key_of(deployment)], via)
    return expected


def key_of(deployment: Deployment) -> str:
    [id_] = deployment.resources("storage", "AWS::KMS::Key")
    return f"<AWS::KMS::Key/{id_}>.Arn".removesuffix(".Arn")


@pytest.mark.parametrize("task", ALL_TASKS.values(), ids=lambda task: task.name)
def test_task_role(deployment: Deployment, task: Task) -> None:
    role = f"tasklane-{deployment.name}-{task.name}-task"
    expected = {**data_rights(deployment, task.access), **table_rights(deployment, task), **registrar(deployment, task)}
    assert rights(deployment, role) == expected


def table_rights(deployment: Deployment, task: Task) -> dict[str, Statement]:
    if not task.access.tables:
        return {}
    stem = f"arn:aws:dynamodb:{deployment.region}:{deployment.account}:table/tasklane-{deployment.name}"
    verbs = [f"dynamodb:{verb}" for verb in ("BatchWriteItem", "GetItem", "PutItem", "Query", "UpdateItem")]
    via = {"StringEquals": {"kms:ViaService": f"dynamodb.{deployment.region}.amazonaws.com"}}
    return {
        "UseTables": (verbs, [f"{stem}-{table}" for table in task.access.tables], None),
        "UseKeyThroughDynamoDb": (["kms:Decrypt"], [key_of(deployment)], via),
    }


def registrar(deployment: Deployment, task: Task) -> dict[str, Statement]:
    """Of a task that registers revisions of another: one family, its two roles, nothing of anybody else."""
    if not task.access.registers:
        return {}
    [other] = task.access.registers
    account, name = f"{deployment.region}:{deployment.account}", f"tasklane-{deployment.name}"
    family = [f"arn:aws:ecs:{account}:task-definition/{name}-{other}-newest:*"]
    roles = [f"arn:aws:iam::{deployment.account}:role/{name}-{other}-{kind}" for kind in ("exec", "task")]
    on_create = {"StringEquals": {"ecs:CreateAction": "RegisterTaskDefinition"}}
    unscoped = ["ecs:DeregisterTaskDefinition", "ecs:DescribeTaskDefinition", "ecs:ListTaskDefinitions"]
    return {
        "SeeImages": (["ecr:DescribeImages"], [f"arn:aws:ecr:{account}:repository/{name}/{other}"], None),
        "RegisterRevisions": (["ecs:RegisterTaskDefinition"], family, None),
        "TagRevisions": (["ecs:TagResource"], family, on_create),
        "ReadAndRemoveRevisions": (unscoped, ["*"], None),
        "PassItsRoles": (
            ["iam:PassRole"],
            roles,
            {"StringEquals": {"iam:PassedToService": "ecs-tasks.amazonaws.com"}},
        ),
    }


def test_only_airflow_may_take_on_the_role_of_a_task_on_its_workers(deployment: Deployment) -> None:
    roles = deployment.resources("airflow", "AWS::IAM::Role").values()
    found = {role["RoleName"]: role["AssumeRolePolicyDocument"]["Statement"] for role in roles}
    for task in ALL_TASKS.keys() - TASKS.keys():
        [statement] = found[f"tasklane-{deployment.name}-{task}-task"]
        assert statement["Action"] == "sts:AssumeRole"
        assert set(statement["Principal"]) == {"AWS"}
        assert (
            statement["Principal"]["AWS"]
            == f"arn:aws:iam::{deployment.account}:role/tasklane-{deployment.name}-airflow"
        )


@pytest.mark.parametrize("task", TASKS.values(), ids=lambda task: task.name)
def test_execution_role(deployment: Deployment, task: Task) -> None:
    region, account, name = deployment.region, deployment.account, deployment.name
    pull = ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
    log_group = f"arn:aws:logs:{region}:{account}:log-group:/tasklane/{name}/{task.name}:*"
    repository = f"arn:aws:ecr:{region}:{account}:repository/tasklane-{name}/{task.name}"
    assert rights(deployment, f"tasklane-{name}-{task.name}-exec") == {
        "LogInToEcr": (["ecr:GetAuthorizationToken"], ["*"], None),
        "PullImage": (pull, [repository], None),
        "WriteLog": (["logs:CreateLogStream", "logs:PutLogEvents"], [log_group], None),
    }


def test_airflow_may_run_our_tasks_and_nothing_else(deployment: Deployment) -> None:
    region, account, name = deployment.region, deployment.account, deployment.name
    ecs = f"arn:aws:ecs:{region}:{account}"
    on_cluster = {"ArnEquals": {"ecs:cluster": f"{ecs}:cluster/tasklane-{name}"}}
    running = [f"{ecs}:task/tasklane-{name}/*"]
    tasks = ON_OUR_CLUSTER
    newest = [f"{other}-newest" for task in tasks.values() for other in task.access.registers]
    families = [f"{ecs}:task-definition/tasklane-{name}-{t}{form}" for t in (*tasks, *newest) for form in ("", ":*")]
    roles = [f"arn:aws:iam::{account}:role/tasklane-{name}-{t}-{kind}" for t in tasks for kind in ("exec", "task")]
    logs = [f"arn:aws:logs:{region}:{account}:log-group:/tasklane/{name}/{t}:*" for t in tasks]
    passed = {"StringEquals": {"iam:PassedToService": "ecs-tasks.amazonaws.com"}}
    found = rights(deployment, f"tasklane-{name}-airflow")
    assert {sid: found[sid] for sid in RUN_TASKS} == {
        "RunTasks": (["ecs:RunTask"], sorted(families), on_cluster),
        "PassRoles": (["iam:PassRole"], sorted(roles), passed),
        "WatchAndStop": (["ecs:DescribeTasks", "ecs:StopTask"], running, None),
        "ListTasks": (["ecs:ListTasks"], ["*"], on_cluster),
        "TagOnRun": (["ecs:TagResource"], running, {"StringEquals": {"ecs:CreateAction": "RunTask"}}),
        "ReadTaskLogs": (["logs:FilterLogEvents"], sorted(logs), None),
        "WriteRunMetrics": (
            ["logs:CreateLogStream", "logs:PutLogEvents"],
            [f"arn:aws:logs:{region}:{account}:log-group:/tasklane/{name}/lanes:*"],
            None,
        ),
    }


def test_airflow_may_submit_our_jobs_and_nothing_else(deployment: Deployment) -> None:
    """These definitions, by name and by revision, to the queues of their capacity; no PassRole (test above)."""
    settings, name = load_environment(deployment.name, ROOT), deployment.name
    stem = f"arn:aws:batch:{deployment.region}:{deployment.account}"
    definitions = [f"{stem}:job-definition/tasklane-{name}-{t}{form}" for t in JOBS for form in ("", ":*")]
    spot = settings.spot_share > 0
    queues = {
        names.job_queue(kind_of(task), spot=on_spot)
        for names in [Names(settings)]
        for task in JOBS.values()
        for on_spot in {False, task.spot and spot}
    }
    logs = [f"arn:aws:logs:{deployment.region}:{deployment.account}:log-group:/tasklane/{name}/{t}:*" for t in JOBS]
    found = rights(deployment, f"tasklane-{name}-airflow")
    arns = sorted([*definitions, *(f"{stem}:job-queue/{queue}" for queue in queues)])
    assert {sid: found[sid] for sid in SUBMIT_JOBS} == {
        "SubmitJobs": (["batch:SubmitJob"], arns, None),
        "TagOnSubmit": (
            ["batch:TagResource"],
            [f"{stem}:job/*"],
            {"StringEquals": {"aws:RequestTag/tasklane:environment": name}},
        ),
        "EndJobs": (
            ["batch:TerminateJob"],
            [f"{stem}:job/*"],
            {"StringEquals": {"aws:ResourceTag/tasklane:environment": name}},
        ),
        "WatchJobs": (["batch:DescribeJobs", "batch:ListJobs"], ["*"], None),
        "ReadJobLogs": (["logs:FilterLogEvents"], sorted(logs), None),
    }
    assert JOBS


def test_airflow_has_what_mwaa_demands_and_the_intents_of_the_dags(deployment: Deployment) -> None:
    """MWAA user guide, "Amazon MWAA execution role", with a customer managed key."""
    region, account, name = deployment.region, deployment.account, deployment.name
    dags = f"arn:aws:s3:::tasklane-{name}-dags-{account}-{region}"
    via = {"StringEquals": {"kms:ViaService": [f"sqs.{region}.amazonaws.com", f"s3.{region}.amazonaws.com"]}}
    found = rights(deployment, f"tasklane-{name}-airflow")
    dag_rights = data_rights(deployment, load_dag_access(ROOT))
    del dag_rights["UseKeyThroughS3"]  # UseKey covers it
    light = [f"arn:aws:iam::{account}:role/tasklane-{name}-{t}-task" for t in ALL_TASKS if t not in TASKS]
    assert {sid: right for sid, right in found.items() if sid not in (*RUN_TASKS, *SUBMIT_JOBS)} == {
        "TakeOnTaskRoles": (["sts:AssumeRole"], light, None),
        "PublishMetrics": (
            ["airflow:PublishMetrics"],
            [f"arn:aws:airflow:{region}:{account}:environment/tasklane-{name}"],
            None,
        ),
        "ReadDagBucket": (["s3:GetBucket*", "s3:GetObject*", "s3:List*"], [dags, f"{dags}/*"], None),
        "WriteLogs": (
            [
                "logs:CreateLogGroup",
                "logs:CreateLogStream",
                "logs:GetLogEvents",
                "logs:GetLogGroupFields",
                "logs:GetLogRecord",
                "logs:GetQueryResults",
                "logs:PutLogEvents",
            ],
            [f"arn:aws:logs:{region}:{account}:log-group:airflow-tasklane-{name}-*"],
            None,
        ),
        "StartChecks": (["logs:DescribeLogGroups", "s3:GetAccountPublicAccessBlock"], ["*"], None),
        "Metrics": (["cloudwatch:PutMetricData"], ["*"], None),
        "CeleryQueues": (
            [
                "sqs:ChangeMessageVisibility",
                "sqs:DeleteMessage",
                "sqs:GetQueueAttributes",
                "sqs:GetQueueUrl",
                "sqs:ReceiveMessage",
                "sqs:SendMessage",
            ],
            [f"arn:aws:sqs:{region}:*:airflow-celery-*"],
            None,
        ),
        "UseKey": (
            ["kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey*"],
            [key_of(deployment)],
            via,
        ),
        "TellFailures": (["sns:Publish"], [f"arn:aws:sns:{region}:{account}:tasklane-{name}-alarms"], None),
        "UseKeyToTell": (
            ["kms:Decrypt", "kms:GenerateDataKey"],
            [key_of(deployment)],
            {"StringEquals": {"kms:ViaService": f"sns.{region}.amazonaws.com"}},
        ),
        **dag_rights,
    }


@pytest.mark.parametrize(
    ("failures", "actions"), [("slack", {"secretsmanager:GetSecretValue", "kms:Decrypt"}), ("none", set())]
)
def test_other_channels_get_other_rights(failures: str, actions: set[str]) -> None:
    given = load_environment("dev", ROOT)
    settings = given.model_copy(update={"notifications": NotificationSettings(failures=failures)})
    stack = cdk.Stack(cdk.App(), "Stack", env=cdk.Environment(account=given.account, region=given.region))
    key = kms.Key(stack, "Key")
    made = [s.to_json() for s in notification_statements(stack, settings, Names(settings), key)]
    flat = {a for s in made for a in ([s["Action"]] if isinstance(s["Action"], str) else s["Action"])}
    assert flat == actions
    for statement in made:
        if statement["Sid"] == "ReadSlackWebhook":
            secret = f":{given.region}:{given.account}:secret:tasklane-dev/notifications/slack-webhook-??????"
            assert secret in str(stack.resolve(statement["Resource"]))
        else:
            service = f"secretsmanager.{given.region}.amazonaws.com"
            assert statement["Condition"] == {"StringEquals": {"kms:ViaService": service}}


def test_who_may_assume_the_roles(deployment: Deployment) -> None:
    source = {
        "StringEquals": {"aws:SourceAccount": deployment.account},
        "ArnLike": {"aws:SourceArn": f"arn:aws:ecs:{deployment.region}:{deployment.account}:*"},
    }
    for role in (r for part in ("compute", "batch") for r in deployment.resources(part, "AWS::IAM::Role").values()):
        [trust] = role["AssumeRolePolicyDocument"]["Statement"]
        assert (trust["Principal"], trust["Condition"]) == ({"Service": "ecs-tasks.amazonaws.com"}, source)
    airflow = deployment.one("airflow", "AWS::IAM::Role", RoleName=f"tasklane-{deployment.name}-airflow")
    [trust] = airflow["AssumeRolePolicyDocument"]["Statement"]
    assert trust["Principal"] == {"Service": ["airflow-env.amazonaws.com", "airflow.amazonaws.com"]}


def test_run_task_submit_job_and_pass_role_never_on_everything(deployment: Deployment) -> None:
    for part in deployment.stacks:
        for policy in deployment.resources(part, "AWS::IAM::ManagedPolicy").values():
            for statement in statements(policy).values():
                assert not any(action in ("*", "batch:*", "ecs:*", "iam:*") for action in statement["Action"])
                if {"ecs:RunTask", "iam:PassRole", "batch:SubmitJob"} & set(statement["Action"]):
                    for resource in statement["Resource"]:
                        assert f"tasklane-{deployment.name}-" in resource.partition("*")[0]


def test_secrets_are_read_by_the_execution_role_alone(sample: Deployment) -> None:
    found = rights(sample, "tasklane-stg-large_one-exec")
    secret = f"arn:aws:secretsmanager:{sample.region}:{sample.account}:secret:tasklane-stg/large_one/API_KEY-??????"
    assert found["ReadSecrets"] == (["secretsmanager:GetSecretValue"], [secret], None)
    via = {"StringEquals": {"kms:ViaService": f"secretsmanager.{sample.region}.amazonaws.com"}}
    assert found["UseKeyThroughSecrets"] == (["kms:Decrypt"], [key_of(sample)], via)
    assert set(rights(sample, "tasklane-stg-large_one-task")) == {
        "ReadData",
        "ListData",
        "WriteData",
        "UseKeyThroughS3",
    }


def test_a_task_without_intents_has_no_rights(sample: Deployment) -> None:
    assert rights(sample, "tasklane-stg-idle-task") == {}


SUBMIT_JOBS = ("SubmitJobs", "TagOnSubmit", "EndJobs", "WatchJobs", "ReadJobLogs")
RUN_TASKS = ("RunTasks", "PassRoles", "WatchAndStop", "ListTasks", "TagOnRun", "ReadTaskLogs", "WriteRunMetrics")

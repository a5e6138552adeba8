"""IAM truth: each call is judged on the resource and the conditions that AWS judges it on."""

import json

import boto3
import pytest
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import ClientError

from tests.local.emulator_process import ACCOUNT, REGION, Emulator
from tests.local.lane import TRUST, Lane

SERVICE = "airflow-env.amazonaws.com"
AIRFLOW_TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": SERVICE}, "Action": "sts:AssumeRole"}],
}


@pytest.fixture(scope="module")
def lane(emulator: Emulator) -> Lane:
    made = Lane(emulator, "import time; print('on', flush=True); time.sleep(600)", stopTimeout=1)
    made.caller = made.role("caller", statements(made), AIRFLOW_TRUST)  # type: ignore[attr-defined]
    return made


def statements(lane: Lane) -> list[dict]:
    """What a caller needs to run, watch and stop tasks of one family on one cluster."""
    prefix = f"arn:aws:ecs:{REGION}:{ACCOUNT}"
    on_cluster = {"ArnEquals": {"ecs:cluster": f"{prefix}:cluster/{lane.name}"}}
    passed = {"StringEquals": {"iam:PassedToService": "ecs-tasks.amazonaws.com"}}
    return [
        allow("ecs:RunTask", f"{prefix}:task-definition/{lane.name}:*", on_cluster),
        allow("iam:PassRole", [lane.task_role, lane.execution_role], passed),
        allow(["ecs:DescribeTasks", "ecs:StopTask"], f"{prefix}:task/{lane.name}/*", on_cluster),
        allow("ecs:ListTasks", "*", on_cluster),
        allow("ecs:TagResource", f"{prefix}:task/{lane.name}/*", {"StringEquals": {"ecs:CreateAction": "RunTask"}}),
        allow("logs:FilterLogEvents", f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{lane.group}:*"),
    ]


def allow(action: str | list[str], resource: str | list[str], condition: dict | None = None) -> dict:
    return {"Effect": "Allow", "Action": action, "Resource": resource} | ({"Condition": condition} if condition else {})


def as_caller(lane: Lane, service: str):
    """A client with the caller's role, as the Airflow environment has it."""
    return lane.emulator.client(service, lane.emulator.role_credentials(lane.caller, SERVICE))


def denial(call, **request) -> str:
    with pytest.raises(ClientError) as raised:
        call(**request)
    error = raised.value.response["Error"]
    assert error["Code"] in ("AccessDeniedException", "AccessDenied"), error
    return error["Message"]


def test_a_role_with_just_the_right_statements_runs_watches_and_stops_a_task(lane: Lane) -> None:
    ecs = as_caller(lane, "ecs")
    arn = ecs.run_task(**lane.request(tags=[{"key": "a", "value": "b"}]))["tasks"][0]["taskArn"]
    lane.wait_for_line(arn, "on")
    assert ecs.list_tasks(cluster=lane.name)["taskArns"] == [arn]
    stream = f"lane/work/{arn.rsplit('/', 1)[-1]}"
    assert as_caller(lane, "logs").filter_log_events(logGroupName=lane.group, logStreamNames=[stream])["events"]
    ecs.stop_task(cluster=lane.name, task=arn)
    assert ecs.describe_tasks(cluster=lane.name, tasks=[arn])["tasks"][0]["desiredStatus"] == "STOPPED"
    lane.until(arn, "STOPPED")


@pytest.mark.parametrize("removed", range(6))
def test_each_statement_is_needed(lane: Lane, removed: int) -> None:
    remaining = statements(lane)
    gone = remaining.pop(removed)
    lane.allow("caller", remaining)
    action = gone["Action"] if isinstance(gone["Action"], str) else gone["Action"][0]
    ecs = as_caller(lane, "ecs")
    calls = {
        "ecs:RunTask": lambda: ecs.run_task(**lane.request()),
        "iam:PassRole": lambda: ecs.run_task(**lane.request()),
        "ecs:TagResource": lambda: ecs.run_task(**lane.request(tags=[{"key": "a", "value": "b"}])),
        "ecs:DescribeTasks": lambda: ecs.describe_tasks(cluster=lane.name, tasks=["0" * 32]),
        "ecs:ListTasks": lambda: ecs.list_tasks(cluster=lane.name),
        "logs:FilterLogEvents": lambda: as_caller(lane, "logs").filter_log_events(logGroupName=lane.group),
    }
    message = denial(calls[action])
    assert f"not authorized to perform: {action}" in message
    lane.allow("caller", statements(lane))


def test_another_family_another_cluster_and_another_role_are_denied(lane: Lane, emulator: Emulator) -> None:
    ecs = as_caller(lane, "ecs")
    other = Lane(emulator, "print('other')")
    assert "ecs:RunTask" in denial(ecs.run_task, **lane.request(taskDefinition=other.definition))
    assert "ecs:RunTask" in denial(ecs.run_task, **lane.request(cluster=other.name))
    assert "ecs:ListTasks" in denial(ecs.list_tasks, cluster=other.name)
    assert "ecs:DescribeTasks" in denial(ecs.describe_tasks, cluster=other.name, tasks=["0" * 32])
    overridden = {"taskRoleArn": other.task_role, "containerOverrides": []}
    message = denial(ecs.run_task, **lane.request(overrides=overridden))
    assert f"iam:PassRole on resource: {other.task_role}" in message


def test_describing_a_foreign_task_among_own_ones_is_denied(lane: Lane, emulator: Emulator) -> None:
    prefix = f"arn:aws:ecs:{REGION}:{ACCOUNT}:task"
    tasks = [f"{prefix}/{lane.name}/{'0' * 32}", f"{prefix}/other/{'1' * 32}"]
    assert tasks[1] in denial(as_caller(lane, "ecs").describe_tasks, cluster=lane.name, tasks=tasks)


def test_the_execution_role_needs_each_of_its_permissions(lane: Lane) -> None:
    reasons = {
        "ecr:GetAuthorizationToken": "ResourceInitializationError: unable to pull secrets or registry auth",
        "ecr:BatchGetImage": "CannotPullContainerError: ",
        "logs:CreateLogStream": "ResourceInitializationError: failed to validate logger args",
    }
    for action, reason in reasons.items():
        deny = {"Effect": "Deny", "Action": action, "Resource": "*"}
        lane.allow("exec", [*lane.execution_statements(), deny])
        task = lane.finished()
        assert task["stopCode"] == "TaskFailedToStart"
        assert task["stoppedReason"].startswith(reason)
        assert action in task["stoppedReason"]
    lane.allow("exec", lane.execution_statements())


def test_secrets_are_read_with_the_execution_role(lane: Lane, emulator: Emulator) -> None:
    secret = emulator.client("secretsmanager").create_secret(Name=f"{lane.name}/key", SecretString='{"user": "me"}')[
        "ARN"
    ]
    other = Lane(emulator, "import os; print(os.environ['USER_NAME'])")
    definition = other.register(secrets=[{"name": "USER_NAME", "valueFrom": f"{secret}:user::"}])
    task = other.finished(taskDefinition=definition)
    assert "secretsmanager:GetSecretValue" in task["stoppedReason"]
    other.allow("exec", [*other.execution_statements(), allow("secretsmanager:GetSecretValue", secret)])
    assert other.lines(other.finished(taskDefinition=definition)["taskArn"]) == ["me"]


def test_a_parameter_is_a_secret_too(lane: Lane, emulator: Emulator) -> None:
    name = f"/{lane.name}/token"
    emulator.client("ssm").put_parameter(Name=name, Value="s3cret", Type="SecureString")
    other = Lane(emulator, "import os; print(os.environ['TOKEN'])")
    definition = other.register(secrets=[{"name": "TOKEN", "valueFrom": name}])
    assert "ssm:GetParameters" in other.finished(taskDefinition=definition)["stoppedReason"]
    parameter = f"arn:aws:ssm:{REGION}:{ACCOUNT}:parameter{name}"
    other.allow("exec", [*other.execution_statements(), allow("ssm:GetParameters", parameter)])
    assert other.lines(other.finished(taskDefinition=definition)["taskArn"]) == ["s3cret"]


def test_credentials_are_given_only_to_a_service_that_the_role_trusts(lane: Lane, emulator: Emulator) -> None:
    status, answer = emulator.call(
        "POST", "/_tasklane/credentials", {"role_arn": lane.caller, "service": "lambda.amazonaws.com"}
    )
    assert (status, answer) == (
        403,
        {"message": f"the trust policy of {lane.caller} does not let lambda.amazonaws.com assume it"},
    )
    unknown = f"arn:aws:iam::{ACCOUNT}:role/none"
    assert emulator.call("POST", "/_tasklane/credentials", {"role_arn": unknown, "service": SERVICE})[0] == 403


def test_a_trust_policy_s_conditions_count(lane: Lane, emulator: Emulator) -> None:
    def with_account(account: str) -> dict:
        statement = {**TRUST["Statement"][0], "Condition": {"StringEquals": {"aws:SourceAccount": account}}}
        return {**TRUST, "Statement": [statement]}

    for account, status in ((ACCOUNT, 200), ("111111111111", 403)):
        role = lane.role(f"trust-{account}", [], with_account(account))
        asked = {"role_arn": role, "service": "ecs-tasks.amazonaws.com"}
        assert emulator.call("POST", "/_tasklane/credentials", asked)[0] == status


def test_s3_is_judged_with_prefix_conditions(lane: Lane, emulator: Emulator) -> None:
    bucket = f"{lane.name}-data"
    emulator.client("s3").create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
    arn = f"arn:aws:s3:::{bucket}"
    listing = {"StringLike": {"s3:prefix": "raw/*"}}
    lane.role("reader", [allow("s3:ListBucket", arn, listing), allow("s3:GetObject", f"{arn}/raw/*")])
    role = f"arn:aws:iam::{ACCOUNT}:role/{lane.name}-reader"
    s3 = emulator.client("s3", emulator.role_credentials(role, "ecs-tasks.amazonaws.com"))
    assert s3.list_objects_v2(Bucket=bucket, Prefix="raw/x")["KeyCount"] == 0
    assert "s3:ListBucket" in denial(s3.list_objects_v2, Bucket=bucket, Prefix="results/")
    assert "s3:PutObject" in denial(s3.put_object, Bucket=bucket, Key="raw/x", Body=b"")


def test_an_anonymous_s3_request_is_nobody_s(lane: Lane, emulator: Emulator) -> None:
    bucket = f"{lane.name}-open"
    root = emulator.client("s3")
    root.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
    root.put_object(Bucket=bucket, Key="a", Body=b"1")
    config = Config(signature_version=UNSIGNED, retries={"max_attempts": 1})
    anonymous = boto3.client("s3", region_name=REGION, endpoint_url=emulator.endpoint, config=config)
    denial(anonymous.get_object, Bucket=bucket, Key="a")


def test_a_session_with_a_wrong_secret_is_refused(lane: Lane, emulator: Emulator) -> None:
    wrong = {**emulator.role_credentials(lane.caller, SERVICE), "SecretAccessKey": "guess"}
    with pytest.raises(ClientError, match="SignatureDoesNotMatch"):
        emulator.client("sts", wrong).get_caller_identity()


def test_the_audit_names_principal_action_resource_and_conditions(lane: Lane, emulator: Emulator) -> None:
    as_caller(lane, "ecs").list_tasks(cluster=lane.name)
    records = [json.loads(line) for line in emulator.audit.read_text().splitlines()]
    record = next(one for one in reversed(records) if one["action"] == "ecs:ListTasks" and one["allowed"])
    assert f":assumed-role/{lane.name}-caller/" in record["principal"]
    assert record["resource"] == f"arn:aws:ecs:{REGION}:{ACCOUNT}:container-instance/{lane.name}/*"
    assert record["conditions"] == {"ecs:cluster": f"arn:aws:ecs:{REGION}:{ACCOUNT}:cluster/{lane.name}"}
    assert any(one["action"] == "iam:PassRole" and not one["allowed"] for one in records)

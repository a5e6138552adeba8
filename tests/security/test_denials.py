"""The matrix of denials: every role against everything that is not its own. Exact sets, so that nothing slips in."""

from __future__ import annotations

import pytest

from tests.security import universe
from tests.security.mutants import widened
from tests.security.policy import Call, Grant, allowed
from tests.security.universe import ACCOUNT, AIRFLOW, DAGS, DATA, EXEC, JOB, JOB_TAG, JOB_TASK, LIGHT, REGION, TASK

ROLES = (AIRFLOW, TASK, EXEC, LIGHT, JOB_TASK)
# What knows no resource (docs/security.md, "What stays open"); ecs:ListTasks is bound to the cluster by a condition.
OPEN = {
    AIRFLOW: {
        *("cloudwatch:PutMetricData", "logs:DescribeLogGroups", "s3:GetAccountPublicAccessBlock", "ecs:ListTasks"),
        *("batch:DescribeJobs", "batch:ListJobs"),
    },
    TASK: set(),
    LIGHT: set(),
    JOB_TASK: set(),
    EXEC: {"ecr:GetAuthorizationToken"},
}
PREFIXES = ("raw/", "reference/", "fanout/", "samples/microbiome/", "samples/other/", "results/", "runs/microbiome/")
PREFIXES += ("runs/other/", "secret/", "")
PREFIXES += ("results/least_squares/", "runs/least_squares/")
PREFIXES += ("results/recommendation/", "runs/recommendation/", "runs/recommendation_inference/")
PREFIXES += ("fanout/recommendation_tuning/",)

RESULTS, RUNS, PLANS = ({p for p in PREFIXES if p.startswith(top)} for top in ("results/", "runs/", "fanout/"))


@pytest.mark.parametrize("role", ROLES)
def test_nothing_that_belongs_to_others(role: str, grants: list[Grant]) -> None:
    calls = list(universe.foreign_calls(role))
    assert len(calls) > 5_000
    found = [call for call in calls if allowed(call, grants)]
    assert [call for call in found if call.action not in OPEN[role]] == []
    assert {call.action for call in found} == OPEN[role]


def test_the_celery_queue_may_lie_in_any_account(grants: list[Grant]) -> None:
    """MWAA demands it; the policy of the SQS endpoint and the threat model deal with it."""
    queue = "arn:aws:sqs:us-east-1:999999999999:airflow-celery-foreign"
    found = {action for action in universe.actions("sqs") if allowed(Call.of(AIRFLOW, action, queue), grants)}
    verbs = (
        "ChangeMessageVisibility",
        "DeleteMessage",
        "GetQueueAttributes",
        "GetQueueUrl",
        "ReceiveMessage",
        "SendMessage",
    )
    assert found == {f"sqs:{verb}" for verb in verbs}


def test_the_topic_takes_messages_and_nothing_else_from_airflow(grants: list[Grant]) -> None:
    topic = f"arn:aws:sns:us-east-1:000000000000:{universe.PREFIX}-alarms"
    found = {action for action in universe.actions("sns") if allowed(Call.of(AIRFLOW, action, topic), grants)}
    assert found == {"sns:Publish"}


def test_a_worker_takes_on_the_roles_of_its_own_tasks_and_no_other(grants: list[Grant]) -> None:
    roles = [AIRFLOW, TASK, EXEC, LIGHT, JOB_TASK, "tasklane-local-deploy", "Admin"]
    for who in ROLES:
        calls = {role: Call.of(who, "sts:AssumeRole", f"arn:aws:iam::{ACCOUNT}:role/{role}") for role in roles}
        taken = [role for role, call in calls.items() if allowed(call, grants)]
        assert taken == ([LIGHT] if who == AIRFLOW else []), who


def test_airflow_submits_our_jobs_to_our_queues_and_ends_them(grants: list[Grant]) -> None:
    """What it may do with what is ours; test_nothing_that_belongs_to_others has the rest of the service."""
    stem, name = f"arn:aws:batch:{REGION}:{ACCOUNT}", f"{universe.PREFIX}-recommendation_inference"
    tagged = {f"aws:ResourceTag/{JOB_TAG}": "local", f"aws:RequestTag/{JOB_TAG}": "local"}
    submit, end = {"batch:SubmitJob"}, {"batch:TerminateJob", "batch:TagResource"}
    of = {f"{stem}:job-definition/{name}": submit, f"{stem}:job-definition/{name}:7": submit, JOB: end}
    of[f"{stem}:job-queue/{universe.PREFIX}-fargate"] = submit
    for resource, expected in of.items():
        calls = [Call.of(AIRFLOW, action, resource, tagged) for action in universe.actions("batch")]
        found = {call.action for call in calls if allowed(call, grants)}
        assert found == expected | {"batch:DescribeJobs", "batch:ListJobs"}, resource
    passed = {"iam:PassedToService": "ecs-tasks.amazonaws.com"}
    role = f"arn:aws:iam::{ACCOUNT}:role/{JOB_TASK}"
    assert not allowed(Call.of(AIRFLOW, "iam:PassRole", role, passed), grants)


def test_own_resources_in_the_wrong_way(grants: list[Grant]) -> None:
    assert [call for call in universe.misuse() if allowed(call, grants)] == []


def test_each_condition_of_each_policy_refuses_something(grants: list[Grant]) -> None:
    """Without the condition, one of the misuses would pass."""
    useless = [str(m) for m in widened(grants) if not any(allowed(call, m.grants) for call in universe.misuse())]
    assert useless == []


@pytest.mark.parametrize(
    ("role", "action", "expected"),
    [
        (TASK, "s3:GetObject", {"raw/", "reference/", *PLANS, "samples/microbiome/"}),
        (TASK, "s3:PutObject", {"samples/microbiome/", *RESULTS, "runs/microbiome/"}),
        (TASK, "s3:DeleteObject", set()),
        (TASK, "s3:GetObjectVersion", set()),
        (AIRFLOW, "s3:GetObject", {*PLANS, *RUNS}),
        (AIRFLOW, "s3:PutObject", PLANS),
        (AIRFLOW, "s3:DeleteObject", set()),
        (EXEC, "s3:GetObject", set()),
        (EXEC, "s3:PutObject", set()),
        (
            JOB_TASK,
            "s3:GetObject",
            {"results/recommendation/", "runs/recommendation/", "fanout/recommendation_tuning/"},
        ),
        (JOB_TASK, "s3:PutObject", {"results/recommendation/", "runs/recommendation_inference/"}),
        (LIGHT, "s3:GetObject", {"raw/"}),
        (LIGHT, "s3:PutObject", {"results/least_squares/", "runs/least_squares/"}),
    ],
)
def test_prefixes_of_the_data_bucket(role: str, action: str, expected: set[str], grants: list[Grant]) -> None:
    found = {p for p in PREFIXES if allowed(Call.of(role, action, f"{DATA}/{p}x", universe.GENEROUS), grants)}
    assert found == expected


@pytest.mark.parametrize(
    ("role", "expected"),
    [
        (TASK, {"raw/", "reference/", *PLANS, "samples/microbiome/"}),
        (AIRFLOW, {*PREFIXES} - {"secret/", ""}),
        (EXEC, set()),
        (LIGHT, {"raw/"}),
        (JOB_TASK, {"results/recommendation/", "runs/recommendation/", "fanout/recommendation_tuning/"}),
    ],
)
def test_lists_of_the_data_bucket(role: str, expected: set[str], grants: list[Grant]) -> None:
    found = {p for p in PREFIXES if allowed(Call.of(role, "s3:ListBucket", DATA, {"s3:prefix": p}), grants)}
    assert found == expected


@pytest.mark.parametrize("role", ROLES)
def test_nobody_inside_may_change_a_dag_or_a_bucket(role: str, grants: list[Grant]) -> None:
    """Writing a DAG is running code with the rights of MWAA: that is for people and for the CI alone."""
    verbs = ("Put", "Delete", "Create", "Restore", "Replicate", "Bypass", "Abort", "Upload", "Complete", "Copy")
    writes = [a for a in universe.actions("s3") if a.split(":")[1].startswith(verbs)]
    resources = [f"{DAGS}/dags/x.py", f"{DAGS}/plugins.zip", f"{DAGS}/requirements.txt", DAGS, DATA]
    calls = [Call.of(role, action, resource, universe.GENEROUS) for action in writes for resource in resources]
    assert [call for call in calls if allowed(call, grants)] == []
    assert len(writes) > 40

"""ECS tasks: what a container gets, how it ends, what DescribeTasks and the log say about it."""

import json

import pytest

from tests.local.emulator_process import Emulator
from tests.local.lane import Lane
from tests.local.task_program import PROGRAM


@pytest.fixture(scope="module")
def lane(emulator: Emulator) -> Lane:
    return Lane(emulator, PROGRAM, stopTimeout=2)


def test_a_finished_task_says_how_it_ended(lane: Lane) -> None:
    task = lane.finished(["exit", "3"])
    assert task["stopCode"] == "EssentialContainerExited"
    assert task["stoppedReason"] == "Essential container in task exited"
    assert task["containers"][0]["exitCode"] == 3
    assert task["createdAt"] <= task["pullStartedAt"] <= task["startedAt"] <= task["stoppedAt"]


def test_a_task_killed_by_a_signal_has_128_plus_its_number(lane: Lane) -> None:
    assert lane.finished(["signal", "9"])["containers"][0]["exitCode"] == 137


def test_the_image_s_own_command_runs_when_none_is_given(lane: Lane) -> None:
    task = lane.finished()
    assert lane.lines(task["taskArn"]) == ["arguments ['default']"]


def test_a_container_gets_its_environment_and_nothing_of_the_host(lane: Lane) -> None:
    given = {
        "containerOverrides": [
            {"name": "work", "command": ["environment"], "environment": [{"name": "A", "value": "1"}]}
        ]
    }
    task = lane.until(lane.run(overrides=given), "STOPPED")
    seen = json.loads(lane.lines(task["taskArn"])[0])
    assert seen["A"] == "1"
    assert seen["COLOUR"] == "deep blue"
    assert seen["TMPDIR"] == seen["TASKLANE_SCRATCH"]
    allowed = {"A", "COLOUR", "HOME", "LANG", "PATH", "PYTHONPATH", "PYTHONPYCACHEPREFIX", "TMPDIR", "TASKLANE_SCRATCH"}
    allowed |= {
        "AWS_REGION",
        "AWS_DEFAULT_REGION",
        "AWS_ENDPOINT_URL",
        "AWS_EXECUTION_ENV",
        "ECS_CONTAINER_METADATA_URI_V4",
    }
    allowed |= {"AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_CONTAINER_AUTHORIZATION_TOKEN", "LC_CTYPE"}
    assert set(seen) <= allowed


def test_the_task_role_is_who_the_container_is(lane: Lane) -> None:
    arn = lane.finished(["whoami"])["taskArn"]
    task_id = arn.rsplit("/", 1)[-1]
    role = lane.task_role.rsplit("/", 1)[-1]
    assert lane.lines(arn) == [f"arn:aws:sts::000000000000:assumed-role/{role}/{task_id}"]


def test_a_fast_writer_loses_no_line_and_keeps_the_last_one_without_end(lane: Lane) -> None:
    arn = lane.finished(["print", "20000"])["taskArn"]
    assert lane.lines(arn) == [*(f"line {number}" for number in range(20000)), "last without end"]


def test_an_unknown_image_stops_the_task_before_it_starts(lane: Lane, emulator: Emulator) -> None:
    repository = emulator.client("ecr").create_repository(repositoryName=f"test/{lane.name}-none")["repository"]
    lane.allow("exec", [{"Effect": "Allow", "Action": ["ecr:*", "logs:*"], "Resource": "*"}])
    definition = lane.register(family=f"{lane.name}-none", image=repository["repositoryUri"] + ":1")
    task = lane.finished(taskDefinition=definition)
    assert task["stopCode"] == "TaskFailedToStart"
    assert task["stoppedReason"].startswith("CannotPullContainerError: ")
    assert "exitCode" not in task["containers"][0]
    assert "startedAt" not in task
    lane.allow("exec", lane.execution_statements())


def test_stopped_tasks_stay_visible_and_are_listed_apart(lane: Lane) -> None:
    finished = lane.finished(["exit", "0"], startedBy="list-test")["taskArn"]
    running = lane.run(["wait"], startedBy="list-test")
    lane.until(running, "RUNNING")
    listed = {
        status: lane.ecs.list_tasks(cluster=lane.name, startedBy="list-test", desiredStatus=status)["taskArns"]
        for status in ("RUNNING", "STOPPED")
    }
    assert listed == {"RUNNING": [running], "STOPPED": [finished]}
    lane.ecs.stop_task(cluster=lane.name, task=running)
    lane.until(running, "STOPPED")


def test_describing_an_unknown_task_is_a_failure_named_missing(lane: Lane) -> None:
    answer = lane.ecs.describe_tasks(cluster=lane.name, tasks=["0" * 32])
    assert [failure["reason"] for failure in answer["failures"]] == ["MISSING"]


def test_tags_and_propagated_tags_are_on_the_task(lane: Lane) -> None:
    lane.ecs.tag_resource(
        resourceArn=lane.definition, tags=[{"key": "team", "value": "bio"}, {"key": "own", "value": "definition"}]
    )
    arn = lane.run(["exit", "0"], tags=[{"key": "own", "value": "run"}], propagateTags="TASK_DEFINITION")
    described = lane.ecs.describe_tasks(cluster=lane.name, tasks=[arn], include=["TAGS"])["tasks"][0]
    assert {tag["key"]: tag["value"] for tag in described["tags"]} == {"own": "run", "team": "bio"}


def test_state_changes_reach_event_bridge(lane: Lane, emulator: Emulator) -> None:
    events, sqs = emulator.client("events"), emulator.client("sqs")
    queue = sqs.create_queue(QueueName=lane.name)["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    pattern = {"source": ["aws.ecs"], "detail": {"lastStatus": ["STOPPED"], "containers": {"exitCode": [3]}}}
    events.put_rule(Name=lane.name, EventPattern=json.dumps(pattern))
    events.put_targets(Rule=lane.name, Targets=[{"Id": "queue", "Arn": arn}])
    lane.finished(["exit", "0"])
    failed = lane.finished(["exit", "3"])
    while not (messages := sqs.receive_message(QueueUrl=queue).get("Messages")):
        pass
    (event,) = [json.loads(message["Body"]) for message in messages]
    assert event["detail-type"] == "ECS Task State Change"
    assert event["resources"] == [failed["taskArn"]]
    assert (event["detail"]["stopCode"], event["detail"]["taskArn"]) == ("EssentialContainerExited", failed["taskArn"])
    assert event["detail"]["stoppedAt"].endswith("Z")
    events.remove_targets(Rule=lane.name, Ids=["queue"])
    events.delete_rule(Name=lane.name)

"""RunTask: what it refuses, and what a client token means (Amazon ECS Developer Guide, "Ensuring idempotency")."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest
from botocore.exceptions import ClientError

from tests.local.emulator_process import Emulator
from tests.local.lane import Lane


@pytest.fixture(scope="module")
def lane(emulator: Emulator) -> Lane:
    return Lane(emulator, "print('done')")


def refused(lane: Lane, **request) -> str:
    with pytest.raises(ClientError) as raised:
        lane.ecs.run_task(**lane.request(**request))
    return f"{raised.value.response['Error']['Code']}: {raised.value.response['Error']['Message']}"


def test_the_same_client_token_gives_the_same_task(lane: Lane) -> None:
    first = lane.run(clientToken="once")
    lane.until(first, "STOPPED")
    assert lane.run(clientToken="once") == first  # also after the task has stopped
    assert lane.run(clientToken="twice") != first


def test_a_client_token_with_other_parameters_is_a_conflict(lane: Lane) -> None:
    arn = lane.run(clientToken="conflict")
    assert refused(lane, clientToken="conflict", startedBy="another").startswith("ConflictException")
    assert arn in refused(lane, clientToken="conflict", startedBy="another")


def test_racing_calls_with_one_client_token_start_one_task(lane: Lane) -> None:
    with ThreadPoolExecutor(8) as pool:
        arns = set(pool.map(lambda _: lane.run(clientToken="race"), range(16)))
    assert len(arns) == 1


def test_count_starts_that_many(lane: Lane) -> None:
    answer = lane.ecs.run_task(**lane.request(count=3))
    assert len({task["taskArn"] for task in answer["tasks"]}) == 3
    for task in answer["tasks"]:
        lane.until(task["taskArn"], "STOPPED")


def test_overrides_are_limited_to_8192_characters(lane: Lane) -> None:
    override = {"name": "work", "environment": [{"name": "LONG", "value": "x" * 8150}]}
    assert "at most 8192" in refused(lane, overrides={"containerOverrides": [override]})
    override["environment"][0]["value"] = "x" * 8000
    lane.until(lane.run(overrides={"containerOverrides": [override]}), "STOPPED")


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        ({"cluster": "no-such-cluster"}, "ClusterNotFoundException"),
        ({"taskDefinition": "no-such-family"}, "ClientException: TaskDefinition not found"),
        ({"count": 11}, "InvalidParameterException: count 11"),
        ({"startedBy": "s" * 129}, "InvalidParameterException: startedBy is too long"),
        ({"clientToken": "t" * 65}, "InvalidParameterException: clientToken is too long"),
        ({"networkConfiguration": {}}, "InvalidParameterException: Network Configuration must be provided"),
        (
            {"networkConfiguration": {"awsvpcConfiguration": {"subnets": ["subnet-unknown"]}}},
            "InvalidParameterException: Error retrieving subnet information for [subnet-unknown]",
        ),
        (
            {"overrides": {"containerOverrides": [{"name": "other"}]}},
            "InvalidParameterException: Override for container",
        ),
        ({"overrides": {"cpu": "256", "memory": "4096"}}, "ClientException: No Fargate configuration exists"),
        ({"overrides": {"cpu": "300"}}, "ClientException: Invalid 'cpu' setting"),
        ({"overrides": {"ephemeralStorage": {"sizeInGiB": 20}}}, "InvalidParameterException: Ephemeral storage size"),
        (
            {"capacityProviderStrategy": [{"capacityProvider": "FARGATE"}]},
            "InvalidParameterException: Specifying both a launch type and capacity provider strategy",
        ),
    ],
)
def test_a_wrong_request_is_refused_in_aws_s_words(lane: Lane, request_: dict, expected: str) -> None:
    assert refused(lane, **request_).startswith(expected)


def test_a_capacity_provider_must_belong_to_the_cluster(lane: Lane) -> None:
    request = lane.request(capacityProviderStrategy=[{"capacityProvider": "OTHER"}])
    del request["launchType"]
    with pytest.raises(ClientError, match="not associated with the cluster"):
        lane.ecs.run_task(**request)


def test_a_task_on_spot_says_so(lane: Lane) -> None:
    request = lane.request(capacityProviderStrategy=[{"capacityProvider": "FARGATE_SPOT", "weight": 1}])
    del request["launchType"]
    task = lane.ecs.run_task(**request)["tasks"][0]
    assert (task["launchType"], task["capacityProviderName"]) == ("FARGATE", "FARGATE_SPOT")
    lane.until(task["taskArn"], "STOPPED")


def test_a_strategy_s_base_comes_first_and_weights_share_the_rest(lane: Lane) -> None:
    strategy = [
        {"capacityProvider": "FARGATE", "base": 1, "weight": 1},
        {"capacityProvider": "FARGATE_SPOT", "weight": 2},
    ]
    request = lane.request(capacityProviderStrategy=strategy, count=10)
    del request["launchType"]
    tasks = lane.ecs.run_task(**request)["tasks"]
    assert Counter(task["capacityProviderName"] for task in tasks) == {"FARGATE": 4, "FARGATE_SPOT": 6}
    for task in tasks:
        lane.until(task["taskArn"], "STOPPED")


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"networkMode": "bridge"}, "Fargate only supports network mode"),
        ({"memory": "3000"}, "No Fargate configuration exists for given values: 256 CPU, 3000 memory"),
        ({"ephemeralStorage": {"sizeInGiB": 500}}, "Ephemeral storage size 500 GiB"),
        ({"executionRoleArn": ""}, "Fargate requires task definition to have execution role ARN"),
    ],
)
def test_a_definition_that_fargate_cannot_run_is_refused(lane: Lane, changed: dict, expected: str) -> None:
    definition = {
        "family": f"{lane.name}-refused",
        "requiresCompatibilities": ["FARGATE"],
        "networkMode": "awsvpc",
        "cpu": "256",
        "memory": "512",
        "executionRoleArn": lane.execution_role,
        "containerDefinitions": [{"name": "work", "image": lane.image}],
    }
    with pytest.raises(ClientError, match=expected):
        lane.ecs.register_task_definition(**{key: value for key, value in (definition | changed).items() if value})

"""The fault switch: each fault looks to a client as it looks from AWS, fires repeatably, and is counted."""

from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError, ConnectionClosedError

from tests.local.emulator_process import Emulator, start_emulator
from tests.local.lane import Lane

PROGRAM = """
    import signal, sys, time
    signal.signal(signal.SIGTERM, lambda *_: (print("interrupted", flush=True), sys.exit(0)))
    print("on", flush=True)
    if sys.argv[1:] == ["wait"]:
        time.sleep(600)
"""


@pytest.fixture(scope="module")
def armed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    started = start_emulator(tmp_path_factory.mktemp("faults"))
    yield started
    started.stop()


@pytest.fixture
def lane(armed: Emulator) -> Iterator[Lane]:
    made = Lane(armed, PROGRAM)
    yield made
    armed.call("DELETE", "/_tasklane/faults")


def arm(lane: Lane, *rules: dict[str, Any], seed: int = 1) -> None:
    status, answer = lane.emulator.call("POST", "/_tasklane/faults", {"rules": list(rules), "seed": seed})
    assert status == 200, answer


def fired(lane: Lane) -> list[int]:
    return [rule["fired"] for rule in lane.emulator.call("GET", "/_tasklane/faults")[1]["rules"]]


def error_of(call, **request) -> tuple[str, int]:
    with pytest.raises(ClientError) as raised:
        call(**request)
    return raised.value.response["Error"]["Code"], raised.value.response["ResponseMetadata"]["HTTPStatusCode"]


@pytest.mark.parametrize(
    ("service", "call", "expected"),
    [
        ("ecs", "list_clusters", ("ThrottlingException", 400)),
        ("logs", "describe_log_groups", ("ThrottlingException", 400)),
        ("s3", "list_buckets", ("SlowDown", 503)),
        ("ec2", "describe_vpcs", ("RequestLimitExceeded", 503)),
        ("sts", "get_caller_identity", ("Throttling", 400)),
    ],
)
def test_throttling_speaks_the_service_s_language(lane: Lane, service: str, call: str, expected: tuple) -> None:
    arm(lane, {"fault": "throttle", "service": service})
    assert error_of(getattr(lane.emulator.client(service), call)) == expected


def test_a_server_error_and_an_error_of_one_s_own(lane: Lane) -> None:
    arm(lane, {"fault": "error", "service": "ecs", "action": "ListClusters", "count": 1})
    assert error_of(lane.ecs.list_clusters) == ("ServerException", 500)
    own = {"code": "ClusterNotFoundException", "status": 400, "message": "gone"}
    arm(lane, {"fault": "error", "service": "ecs", "action": ["ListClusters", "DescribeClusters"], **own})
    assert error_of(lane.ecs.list_clusters) == ("ClusterNotFoundException", 400)
    assert lane.ecs.list_task_definitions()["taskDefinitionArns"]


def every_task(lane: Lane) -> set[str]:
    pages = [lane.ecs.list_tasks(cluster=lane.name, desiredStatus=status) for status in ("RUNNING", "STOPPED")]
    return {arn for page in pages for arn in page["taskArns"]}


def test_a_lost_answer_has_happened_and_the_client_token_finds_it(lane: Lane) -> None:
    arm(lane, {"fault": "lost_answer", "service": "ecs", "action": "RunTask", "count": 1})
    with pytest.raises(ConnectionClosedError):
        lane.run(clientToken="lost")
    started = every_task(lane)
    assert len(started) == 1
    assert {lane.run(clientToken="lost")} == started == every_task(lane)


def test_a_lost_request_has_not_happened(lane: Lane) -> None:
    arm(lane, {"fault": "lost_request", "service": "ecs", "action": "RunTask", "count": 1})
    with pytest.raises(ConnectionClosedError):
        lane.run()
    assert every_task(lane) == set()


def test_no_capacity_is_a_failure_or_an_exception(lane: Lane) -> None:
    arm(lane, {"fault": "capacity", "provider": "FARGATE", "count": 1})
    answer = lane.ecs.run_task(**lane.request(clientToken="again"))
    assert answer["tasks"] == []
    assert answer["failures"][0]["reason"].startswith("Capacity is unavailable at this time")
    assert lane.run(clientToken="again")  # a call that started nothing leaves its token unused
    arm(lane, {"fault": "capacity", "as": "exception", "reason": "RESOURCE:ENI"})
    with pytest.raises(ClientError, match=r"ClientException.*RESOURCE:ENI"):
        lane.run()


def test_a_spot_task_is_interrupted_and_an_on_demand_task_is_not(lane: Lane) -> None:
    on_demand = lane.run(["wait"])
    request = lane.request(["wait"], capacityProviderStrategy=[{"capacityProvider": "FARGATE_SPOT"}])
    del request["launchType"]
    spot = lane.ecs.run_task(**request)["tasks"][0]["taskArn"]
    for arn in (on_demand, spot):
        lane.wait_for_line(arn, "on")
    arm(lane, {"fault": "spot", "seconds": [0, 0.1]})
    task = lane.until(spot, "STOPPED")
    assert (task["stopCode"], task["stoppedReason"]) == ("SpotInterruption", "Your Spot Task was interrupted.")
    assert lane.lines(spot) == ["on", "interrupted"]
    assert lane.task(on_demand)["lastStatus"] == "RUNNING"
    assert fired(lane) == [1]
    lane.ecs.stop_task(cluster=lane.name, task=on_demand)


def test_a_task_killed_for_its_memory_says_so(lane: Lane) -> None:
    arm(lane, {"fault": "memory", "family": lane.name, "seconds": 0.2})
    task = lane.finished(["wait"])
    assert task["containers"][0]["exitCode"] == 137
    assert task["containers"][0]["reason"].startswith("OutOfMemoryError")


def test_a_pull_error_and_a_slow_start(lane: Lane) -> None:
    arm(lane, {"fault": "pull_error", "count": 1}, {"fault": "start_latency", "seconds": 0.5})
    task = lane.finished()
    assert task["stopCode"] == "TaskFailedToStart"
    assert task["stoppedReason"].startswith("CannotPullContainerError")
    second = lane.finished()
    assert (second["startedAt"] - second["createdAt"]).total_seconds() >= 0.5
    assert fired(lane) == [1, 2]


def test_a_task_stopped_while_it_is_pending_never_starts(lane: Lane) -> None:
    arm(lane, {"fault": "start_latency", "seconds": 600})
    arn = lane.run()
    lane.ecs.stop_task(cluster=lane.name, task=arn, reason="changed my mind")
    task = lane.until(arn, "STOPPED")
    assert (task["stopCode"], task["stoppedReason"]) == ("UserInitiated", "changed my mind")
    assert "startedAt" not in task
    assert lane.lines(arn) == []


def test_chance_is_repeatable_and_windows_close(lane: Lane) -> None:
    def outcomes(seed: int) -> list[bool]:
        lane.emulator.call("DELETE", "/_tasklane/faults")
        arm(lane, {"fault": "throttle", "service": "ecs", "action": "ListClusters", "rate": 0.5}, seed=seed)
        made = []
        for _ in range(30):
            try:
                lane.ecs.list_clusters()
                made.append(True)
            except ClientError:
                made.append(False)
        return made

    first = outcomes(1)
    assert outcomes(1) == first
    assert outcomes(2) != first
    assert 5 < sum(first) < 25
    lane.emulator.call("DELETE", "/_tasklane/faults")
    arm(
        lane,
        {"fault": "throttle", "service": "ecs", "skip": 1, "count": 1},
        {"fault": "throttle", "service": "s3", "for_seconds": 0},
    )
    lane.ecs.list_clusters()
    assert error_of(lane.ecs.list_clusters)[0] == "ThrottlingException"
    lane.ecs.list_clusters()
    lane.emulator.client("s3").list_buckets()


def test_a_quota_lets_a_burst_through_and_then_so_many_per_second(lane: Lane) -> None:
    arm(lane, {"fault": "quota", "service": "ecs", "action": "ListClusters", "burst": 5, "per_second": 0.01})
    for _ in range(5):
        lane.ecs.list_clusters()
    assert error_of(lane.ecs.list_clusters)[0] == "ThrottlingException"
    lane.ecs.list_task_definitions()
    assert fired(lane) == [1]


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ({"fault": "earthquake"}, "fault 'earthquake' is unknown (allowed: capacity, error, latency"),
        ({"fault": "throttle"}, 'throttle: needs "service"'),
        ({"fault": "spot", "service": "ecs"}, "spot: unknown service (allowed: count, delay_seconds"),
        ({"fault": "quota", "service": "ecs", "burst": 5}, 'quota: needs "burst"'),
        ({"fault": "spot", "rate": 2}, "spot: rate 2 is not between 0 and 1"),
        ({"fault": "latency", "service": "s3", "seconds": "x"}, "seconds 'x' is neither a number nor"),
    ],
)
def test_a_rule_that_cannot_be_understood_is_refused(lane: Lane, rule: dict, message: str) -> None:
    status, answer = lane.emulator.call("POST", "/_tasklane/faults", {"rules": [rule]})
    assert status == 400
    assert answer["message"].startswith(message)
    assert fired(lane) == []

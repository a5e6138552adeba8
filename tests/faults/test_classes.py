"""Each way a container ends, as a person meets it in the Airflow UI."""

import datetime as dt

import httpx
import pytest

from tests.faults.airflow_client import Observer, eventually
from tests.faults.world import CLUSTER, GPU_PROVIDER, LANE


@pytest.fixture
def observer(world):
    return Observer(world)


@pytest.fixture
def fault(world):
    """Arm one fault of the emulator for the test."""
    url, headers = f"{world.state.endpoint_url}/_tasklane/faults", {"authorization": world.state.token}

    def arm(**rule):
        httpx.post(url, headers=headers, json={"seed": 1, "rules": [rule]}).raise_for_status()

    yield arm
    httpx.delete(url, headers=headers).raise_for_status()


def ended(observer, mode, seconds=0):
    run_id = observer.trigger("once", mode=mode, seconds=seconds)
    eventually("the run ends", lambda: observer.run_state("once", run_id) in ("success", "failed"), 120)
    containers = sorted(observer.containers(run_id), key=lambda task: task["createdAt"])
    return run_id, containers, observer.log("once", run_id)


def test_success_leaves_result_facts_links_and_log(observer):
    run_id, [container], log = ended(observer, "ok", 1)
    assert observer.task("once", run_id)["state"] == "success"
    assert observer.xcom("once", run_id, "return_value").endswith(f"/{run_id}/work/-1/1.json")
    facts = observer.xcom("once", run_id, "lanes_run")
    assert (facts["arn"], facts["outcome"], facts["size"]) == (container["taskArn"], "success", "small")
    assert facts["cost_usd"] > 0
    assert 1 < facts["peak_memory_mib"] < 512
    links = observer.links("once", run_id)
    task_id = container["taskArn"].rsplit("/", 1)[-1]
    assert task_id in links["ECS task"]
    assert links["Container log"].endswith(task_id)
    assert [line for line in log.splitlines() if "probe ok line" in line] == [
        line for number in range(5) for line in log.splitlines() if line.endswith(f"probe ok line {number}")
    ]


@pytest.mark.parametrize(
    ("mode", "kind", "words"), [("error", "error", "exit code 1"), ("bad", "input", "exit code 2")]
)
def test_a_failing_program_names_class_exit_code_and_last_lines(observer, mode, kind, words):
    _, containers, log = ended(observer, mode)
    assert len(containers) == 1
    assert f"{kind}: {words}" in log
    assert f"probe {mode} line 4" in log


def test_each_run_is_a_metric_by_lane_and_outcome(world, observer):
    begun = dt.datetime.now(dt.UTC) - dt.timedelta(minutes=1)
    ended(observer, "ok")
    ended(observer, "error")
    names = {"Environment": "faults", "Lane": LANE}

    def runs(outcome):
        dimensions = [{"Name": name, "Value": value} for name, value in {**names, "Outcome": outcome}.items()]
        points = world.client("cloudwatch").get_metric_statistics(
            Namespace="Tasklane/Lanes", MetricName="Runs", Dimensions=dimensions, StartTime=begun,
            EndTime=dt.datetime.now(dt.UTC) + dt.timedelta(minutes=1), Period=60, Statistics=["Sum"],
        )["Datapoints"]  # fmt: skip
        return sum(point["Sum"] for point in points)

    eventually("both are written", lambda: runs("success") and runs("error"), 30)


def test_success_without_its_result_document_says_so(observer):
    _, [_], log = ended(observer, "silent")
    assert "result: exit code 0: no result document at s3://" in log


def test_what_cannot_start_names_aws_reason(observer, fault):
    fault(fault="pull_error", reason="ResourceInitializationError: unable to pull secrets", count=1)
    _, [_], log = ended(observer, "ok")
    assert "start: ResourceInitializationError: unable to pull secrets" in log


def test_what_aws_refuses_is_not_retried(observer, fault):
    fault(fault="error", service="ecs", action="RunTask", code="AccessDeniedException", status=400, message="not you")
    run_id = observer.trigger("one", mode="ok", seconds=1)
    eventually("the run ends", lambda: observer.run_state("one", run_id) == "failed", 120)
    assert observer.containers(run_id) == []
    assert observer.task("one", run_id)["try_number"] == 1
    assert "refused: AWS refused RunTask: AccessDeniedException: not you" in observer.log("one", run_id)


def test_a_container_that_a_person_stops_says_so(world, observer):
    run_id = observer.trigger("once", mode="ok", seconds=300)
    running = lambda: [c for c in observer.containers(run_id) if c["lastStatus"] == "RUNNING"]  # noqa: E731
    [container] = eventually("it runs", running, 60)
    world.client("ecs").stop_task(cluster=CLUSTER, task=container["taskArn"], reason="the budget is used up")
    eventually("the run ends", lambda: observer.run_state("once", run_id) == "failed", 120)
    assert "stopped: exit code 143: stopped by a person or another program: the budget" in observer.log("once", run_id)


def test_out_of_memory_is_tried_at_the_next_size_and_then_says_so(observer):
    run_id, containers, log = ended(observer, "memory")
    assert [container["memory"] for container in containers] == ["512", "1024"]
    assert "memory: exit code 137" in log
    assert observer.xcom("once", run_id, "lanes_run")["size"] == "large"


def test_an_image_that_cannot_be_pulled_names_it(observer, fault):
    fault(fault="pull_error")
    _, [_], log = ended(observer, "ok")
    assert "image: CannotPull" in log


def test_no_capacity_is_waited_out_without_another_worker(observer, fault):
    fault(fault="capacity", count=3)
    run_id, [_], log = ended(observer, "ok")
    assert observer.task("once", run_id)["state"] == "success"
    assert "capacity: " in log


def test_an_interrupted_spot_container_is_started_again_on_demand(observer, fault):
    fault(fault="spot", seconds=2, count=1)
    run_id = observer.trigger("spot", seconds=8)
    eventually("the run succeeds", lambda: observer.run_state("spot", run_id) == "success", 120)
    first, second = sorted(observer.containers(run_id), key=lambda task: task["createdAt"])
    assert first["capacityProviderName"] == "FARGATE_SPOT"
    assert first["stopCode"] == "SpotInterruption"
    assert second.get("capacityProviderName") != "FARGATE_SPOT"
    assert observer.task("spot", run_id)["try_number"] == 1


def test_a_lane_on_instances_ends_like_any_other_but_for_a_price_that_nobody_knows(observer):
    run_id = observer.trigger("on_instances", mode="ok", seconds=1)
    eventually("the run succeeds", lambda: observer.run_state("on_instances", run_id) == "success", 120)
    [container] = observer.containers(run_id)
    assert (container["capacityProviderName"], container["launchType"]) == (GPU_PROVIDER, "EC2")
    asked = container["overrides"]["containerOverrides"][0]["resourceRequirements"]
    assert asked == [{"type": "GPU", "value": "1"}]
    facts = observer.xcom("on_instances", run_id, "lanes_run")
    assert (facts["arn"], facts["outcome"], facts["size"]) == (container["taskArn"], "success", "gpu")
    assert (facts["instance_type"], facts["gpus"], "cost_usd" in facts) == ("g4dn.xlarge", 1, False)


def test_a_lane_on_instances_is_stopped_when_its_task_is_failed(observer):
    run_id = observer.trigger("on_instances", mode="ok", seconds=300)
    running = lambda: [c for c in observer.containers(run_id) if c["lastStatus"] == "RUNNING"]  # noqa: E731
    eventually("it runs", running, 60)
    observer.mark("on_instances", run_id, "failed")
    eventually("it is stopped", lambda: not running(), 30)
    [container] = observer.containers(run_id)
    assert [c["exitCode"] for c in container["containers"]] == [143]

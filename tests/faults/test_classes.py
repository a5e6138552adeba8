"""Each way a container ends, as a person meets it in the Airflow UI."""

import httpx
import pytest

from tests.faults.airflow_client import Observer, eventually


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

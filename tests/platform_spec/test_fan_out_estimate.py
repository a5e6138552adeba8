"""Minutes, money and bounds of a fan-out that has not run."""

import pytest

from platform_spec.fan_out import Batch, Pace
from platform_spec.fan_out_estimate import estimate
from platform_spec.fan_out_resume import Resumed, resume_uri
from platform_spec.manifest import TaskEntry, TaskSize
from platform_spec.prices import rates, task_cost

LANE = TaskEntry(
    family="f", task_definition_arn="a", container="c", image="i", log_group="g", log_stream_prefix="p", owner="o",
    architecture="x86_64", timeout_minutes=60, stop_timeout_seconds=30, spot=False, result_version=1,
    sizes={
        "small": TaskSize(cpu_units=1024, memory_mib=2048, grows_to=("large",), max_item_mib=100),
        "large": TaskSize(cpu_units=2048, memory_mib=8192),
    },
)  # fmt: skip
BATCHES = [Batch(index=i, bytes=0, items=10) for i in range(40)]
PACE = Pace(batch_seconds=60, item_seconds=6)


def test_a_price_is_a_list_price_times_size_and_time() -> None:
    at = rates("us-east-1", "x86_64")
    assert at is not None
    assert task_cost(at, 3600, 1024, 2048) == pytest.approx(0.04048 + 2 * 0.004445)
    assert task_cost(at, 1, 1024, 2048) == task_cost(at, 60, 1024, 2048)
    assert task_cost(at, 3600, 1024, 2048, 30) - task_cost(at, 3600, 1024, 2048, 20) == pytest.approx(0.00111)
    assert rates("eu-central-1", "x86_64") is None


def test_the_tightest_bound_decides() -> None:
    free = estimate(BATCHES, LANE, PACE, None, {}, vcpu_quota=4000)
    assert free.bounds[0].name == "starts by Airflow"
    held = estimate(BATCHES, LANE, PACE, None, {"max_parallel": 4, "pool": 8, "none": 0}, vcpu_quota=4000)
    assert held.bounds[0].name == "max_parallel"
    assert held.seconds == pytest.approx(40 * 120 / 4)
    assert estimate(BATCHES, LANE, PACE, None, {}, vcpu_quota=8).bounds[0].name == "Fargate vCPU quota (8)"
    assert estimate(BATCHES, LANE, PACE, None, {}).bounds[0].name == "Fargate vCPU quota (6 by default)"


def test_cost_is_that_of_each_batch_at_its_size() -> None:
    at = rates("us-east-1", "x86_64")
    assert at is not None
    larger = [BATCHES[0].model_copy(update={"size": "large"})]
    cost = estimate(larger, LANE, PACE, at, {}).cost_usd
    assert cost == pytest.approx(task_cost(at, 120, 2048, 8192))
    assert estimate([], LANE, PACE, at, {}).seconds == 0


def test_sizes_of_a_lane_are_rules_for_the_plan() -> None:
    assert [(rule.name, rule.max_item_bytes) for rule in LANE.size_rules] == [("small", 100 * 1024**2), ("large", None)]


def test_a_resumed_batch_keeps_its_settings_and_gets_a_new_generation() -> None:
    once = Resumed(run_id="r").again([3], size="large", capacity=None)
    twice = Resumed.from_json(once.model_dump_json()).again([3, 5], size=None, capacity="on_demand")
    assert (twice.batches[3].generation, twice.batches[3].size, twice.batches[3].capacity) == (2, "large", "on_demand")
    assert (twice.batches[5].generation, twice.batches[5].size) == (1, None)
    assert resume_uri("s3://b/fanout/d/abc.json", "r") != resume_uri("s3://b/fanout/d/abc.json", "other")

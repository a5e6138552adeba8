"""Bills of runs and teams, against sums made by hand."""

from datetime import UTC, datetime
from typing import Any

import pytest

from ops.cost.container import Container
from ops.cost.facts import RunFacts, array_containers, run_facts
from ops.cost.run import bill, smallest_that_does
from ops.cost.teams import billed, by_team, sum_by_tag
from ops.cost.tries import earlier_tries
from ops.runs.measured import run_cost
from ops.workspace import Workspace
from platform_spec.cost_tags import ENVIRONMENT_TAG, OWNER_TAG, PROJECT_TAG
from platform_spec.manifest import TaskEntry, TaskSize
from platform_spec.prices import rates, task_cost
from platform_spec.prices.lanes import lane_rates, why_no_rates

LANE = TaskEntry(
    family="f", task_definition_arn="a", container="c", image="i", log_group="g", log_stream_prefix="p", owner="o",
    architecture="x86_64", timeout_minutes=60, stop_timeout_seconds=30, spot=False, result_version=1,
    sizes={"small": TaskSize(cpu_units=1024, memory_mib=2048), "large": TaskSize(cpu_units=1024, memory_mib=8192)},
)  # fmt: skip
X86 = rates("us-east-1", "x86_64")
START = "2026-11-20T00:00:00+00:00"


def ran(task: str, seconds: float, capacity: str = "on_demand", **more: Any) -> Container:
    assert X86 is not None
    cost = task_cost(X86, seconds, 1024, 8192)
    size = {"size": "large", "cpu_units": 1024, "memory_mib": 8192}
    return Container("d", "r", task, "success", {"lane": "hello", "seconds": seconds, "cost_usd": cost,
                                                 "capacity": capacity, **size, **more})  # fmt: skip


def test_a_run_is_the_sum_of_its_containers_per_task_and_per_sample() -> None:
    found = RunFacts(
        "d", "r", [ran("work[0]", 3600), ran("work[1]", 1800, "spot"), ran("gather", 60)], items=10, unread=0
    )
    made = bill(found, {"hello": LANE}, "us-east-1")
    hour = 0.04048 + 8 * 0.004445  # one vCPU and 8 GB, by hand: 0.07604 USD
    assert made.usd == pytest.approx(hour * (1 + 0.5 + 1 / 60))
    assert made.usd_per_item == pytest.approx(made.usd / 10)
    assert [(task.task_id, task.containers) for task in made.tasks] == [("work", 2), ("gather", 1)]
    assert made.spot_usd == pytest.approx(hour / 2)
    assert made.spot_saved_at_most == pytest.approx(0.7 * hour / 2)
    assert made.too_large == []  # no peak is known


def test_a_task_that_is_too_large_is_named_with_the_size_that_would_do() -> None:
    containers = [ran("work[0]", 3600, peak_memory_mib=900), ran("work[1]", 3600, peak_memory_mib=1500)]
    made = bill(RunFacts("d", "r", containers, 0, 0), {"hello": LANE}, "us-east-1")
    assert [(t.task_id, t.peak_mib, t.fits) for t in made.too_large] == [("work", 1500, "size 'small'")]
    assert made.too_large[0].usd_saved == pytest.approx(2 * 6 * 0.004445)  # two hours, 6 GB less
    unknown = [*containers, ran("work[2]", 3600)]
    assert bill(RunFacts("d", "r", unknown, 0, 0), {"hello": LANE}, "us-east-1").too_large == []
    tight = [ran("work", 3600, peak_memory_mib=6000)]
    assert bill(RunFacts("d", "r", tight, 0, 0), {"hello": LANE}, "us-east-1").too_large == []


def test_a_price_that_is_not_known_is_not_nothing() -> None:
    container = Container("d", "r", "work", "success", {"lane": "hello", "seconds": 9.0, "size": "large"})
    arm = LANE.model_copy(update={"architecture": "arm64"})
    made = bill(RunFacts("d", "r", [container], 0, 1), {"hello": arm}, "ap-northeast-1")
    assert (made.usd, made.tasks[0].usd) == (None, None)
    assert made.without_price == {"no price of Fargate on arm64 in ap-northeast-1": 1}


def test_a_task_known_in_part_says_how_much_of_it_is_not() -> None:
    unknown = Container("d", "r", "work[1]", "failed", {"lane": "hello", "size": "large"})
    made = bill(RunFacts("d", "r", [ran("work[0]", 3600), unknown], 0, 0), {"hello": LANE}, "us-east-1")
    assert (made.tasks[0].containers, made.tasks[0].without_price) == (2, 1)
    assert made.usd == pytest.approx(0.07604)
    assert made.without_price == {"AWS has not told when they began and ended": 1}


@pytest.mark.parametrize(
    ("lane", "sizes", "why"),
    [
        ("docker", {}, "machines whose price AWS does not set"),
        ("kubernetes", {}, "machines whose price AWS does not set"),
        ("virtualenv", {}, "paid for whether or not they work"),
        ("batch", {"instance_type": "g4dn.xlarge"}, "a task's share of one, are not known"),
        ("fargate", {}, ""),
    ],
)
def test_only_what_fargate_runs_has_fargates_price(lane: str, sizes: dict[str, str], why: str) -> None:
    size = TaskSize(cpu_units=1024, memory_mib=2048, **sizes)
    entry = LANE.model_copy(update={"lane": lane, "sizes": {"small": size}})
    assert why in why_no_rates(entry, "us-east-1")
    assert (lane_rates(entry, "us-east-1") is None) == bool(why)


def test_the_containers_of_one_try_and_of_earlier_tries_are_all_on_the_bill() -> None:
    task: dict[str, Any] = {
        "dag_id": "d", "dag_run_id": "r", "task_id": "work", "map_index": -1, "try_number": 3, "state": "success",
        "operator": "RunTask", "pool": "p",
    }  # fmt: skip
    several = [
        {"size": "large", "capacity": "spot", "seconds": 60.0, "cost_usd": 0.25},
        {"size": "large", "capacity": "on_demand", "seconds": 90.0, "cost_usd": 0.5},
    ]
    facts = {"lane": "hello", "seconds": 90.0, "cost_usd": 0.75, "peak_memory_mib": 900, "containers": several}
    whose = {"Dag": "d", "Run": "r", "Task": "work", "MapIndex": -1}
    event: dict[str, Any] = {
        "Lane": "hello", "Outcome": "error", "Runs": 1, "Containers": 1, "CostUsd": 1.0, "SpotUsd": 1.0,
        "AllSeconds": 30.0, "Size": "large", "Capacity": "spot",
    }  # fmt: skip
    events = [{**event, "Attempt": {**whose, "Try": number}} for number in (1, 3)]
    events += [{**event, "Attempt": {**whose, "Run": "other", "Try": 1}}, {"StuckDeferred": 1}, event]

    class Rest:
        def find(self, path: str, **_: Any) -> Any:
            return {"value": facts} if path.endswith("lanes_run") else {"dag_run_id": "r", "start_date": START}

        def all(self, *_: Any, **__: Any) -> Any:
            return [task]

    found = run_facts(Rest(), "d", "r", lambda uri: {}, lambda since, until: events)  # type: ignore[arg-type]
    made = bill(found, {"hello": LANE}, "us-east-1")
    assert (made.usd, made.spot_usd, made.tasks[0].containers, made.tasks[0].seconds) == (1.75, 1.25, 3, 180.0)
    assert found.unread_tries == 1  # the second left nothing
    assert earlier_tries([{**task, "try_number": 1}], events) == ([], 0)


def test_one_unknown_price_makes_a_measured_run_unknown() -> None:
    assert run_cost([{"cost_usd": 1.0}, {"cost_usd": 2.0}], 4, []) == 6.0  # two were asked of four alike
    assert run_cost([{"cost_usd": 1.0}], 1, [{"cost_usd": 5.0}]) == 6.0
    assert run_cost([{"cost_usd": 1.0}, {}], 2, []) is None
    assert run_cost([{"cost_usd": 1.0}], 1, [{"state": "success"}]) is None
    assert run_cost([], 0, []) is None


def test_the_size_that_does_leaves_room_above_the_peak() -> None:
    assert smallest_that_does(1500, 1024) == 2048  # 1500 × 1.3 = 1950
    assert smallest_that_does(1600, 1024) == 3072  # 1600 × 1.3 = 2080
    assert smallest_that_does(7000, 1024) is None


def test_teams_are_the_owners_of_their_lanes() -> None:
    events: list[dict[str, Any]] = [
        {"Lane": "a", "Seconds": 1800, "CostUsd": 1.5, "Containers": 2, "Capacity": "spot", "Outcome": "success"},
        {"Lane": "b", "Seconds": 3600, "CostUsd": 1.0, "Containers": 1, "Capacity": "on_demand", "Outcome": "memory"},
        {"Lane": "b", "Seconds": 3600, "Containers": 1, "Capacity": "on_demand", "Outcome": "success"},
        {"Lane": "gone", "Seconds": 0, "CostUsd": 0.1, "Containers": 1, "Capacity": "spot", "Outcome": "success"},
    ]
    teams = by_team(events, {"a": "ml", "b": "data"})
    assert [(t.team, t.runs, t.usd, t.spot_usd, t.failed_usd, t.without_price) for t in teams] == [
        ("ml", 1, 1.5, 1.5, 0.0, 0),
        ("data", 2, 1.0, 0.0, 1.0, 1),
        ("unknown (lane gone)", 1, 0.1, 0.1, 0.0, 0),
    ]
    assert teams[1].hours == pytest.approx(2.0)


def test_batches_of_an_array_are_containers_like_others() -> None:
    task = {"dag_id": "d", "dag_run_id": "r", "task_id": "work"}
    batches: list[dict[str, Any]] = [
        {"index": 0, "state": "success", "start": 10.0, "end": 70.0, "cost_usd": 0.5, "size": "large", "spot": True},
        {"index": 1, "state": "failed", "start": 10.0, "end": 40.0, "cost_usd": 0.25, "size": "large", "spot": False},
        {"index": 2, "state": "waiting"},
    ]
    found = array_containers(task, "hello", batches)
    made = bill(RunFacts("d", "r", found, 3, 0), {"hello": LANE}, "us-east-1")
    assert (made.usd, made.spot_usd, made.usd_per_item) == (0.75, 0.5, 0.25)
    assert [(t.task_id, t.containers, t.seconds) for t in made.tasks] == [("work", 2, 90.0)]


def test_the_reapers_events_are_no_runs_and_an_array_has_hours() -> None:
    stuck = {"Environment": "dev", "StuckDeferred": 1}
    array = {"Lane": "a", "Runs": 9, "Containers": 9, "AllSeconds": 7200.0, "Capacity": "spot", "Outcome": "success"}
    [team] = by_team([stuck, array], {"a": "ml"})
    assert (team.team, team.runs, team.hours, team.without_price) == ("ml", 9, 2.0, 9)


def test_the_bill_is_asked_for_by_the_tags_of_the_stacks_page_by_page(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    class Explorer:
        def get_cost_and_usage(self, **request: Any) -> dict[str, Any]:
            asked.append(dict(request))
            group = {"Keys": ["owner$ml"], "Metrics": {"UnblendedCost": {"Amount": "1.5"}}}
            more = {} if "NextPageToken" in request else {"NextPageToken": "2"}
            return {"ResultsByTime": [{"Groups": [group]}], **more}

    workspace = Workspace("dev")
    monkeypatch.setattr(Workspace, "client", lambda self, service: Explorer())
    day = datetime(2026, 11, 20, tzinfo=UTC)
    assert billed(workspace, day, day) == {"ml": 3.0}
    wanted = [
        {"Tags": {"Key": PROJECT_TAG, "Values": ["tasklane"]}},
        {"Tags": {"Key": ENVIRONMENT_TAG, "Values": ["dev"]}},
    ]
    assert [request["Filter"] for request in asked] == [{"And": wanted}] * 2
    assert asked[0]["GroupBy"] == [{"Type": "TAG", "Key": OWNER_TAG}]


def test_cost_explorer_days_are_summed_by_tag() -> None:
    def day(**teams: str) -> dict[str, Any]:
        groups = [{"Keys": [f"owner${t}"], "Metrics": {"UnblendedCost": {"Amount": a}}} for t, a in teams.items()]
        return {"Groups": groups}

    nobody = {"Keys": ["owner$"], "Metrics": {"UnblendedCost": {"Amount": "0.5"}}}
    found = sum_by_tag([day(ml="1.25", data="2"), day(ml="0.75"), {"Groups": [nobody]}])
    assert found == {"ml": 2.0, "data": 2.0, "": 0.5}

"""The plan of a fan-out: balanced, bounded, deterministic, stable."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from platform_spec.fan_out import FanOutManifest, Item, Limits, Pace, PlanError, SizeRule, plan
from platform_spec.fan_out_balance import batch_count

MIB = 1024**2
items_strategy = st.lists(
    st.builds(Item, key=st.text("abcdef0123", min_size=1, max_size=8), bytes=st.integers(0, 50 * MIB)),
    unique_by=lambda item: item.key,
    max_size=60,
)


def study(count: int, seed: int = 1) -> list[Item]:
    """Samples whose sizes vary as those of a sequencing run do."""
    source = random.Random(seed)  # noqa: S311 (no secret)
    return [Item(key=f"S{i:05}", bytes=int(source.lognormvariate(16, 0.5))) for i in range(count)]


def compositions(manifest: FanOutManifest) -> set[frozenset[str]]:
    return {frozenset(i.key for i in manifest.items if i.batch == b.index) for b in manifest.batches}


@given(items_strategy, st.integers(1, 10), st.integers(1, 100 * MIB), st.randoms())
def test_every_item_is_in_one_batch_within_the_limits(
    items: list[Item], batch_items: int, batch_bytes: int, shuffle: random.Random
) -> None:
    limits = Limits(batch_items=batch_items, batch_bytes=batch_bytes)
    manifest = plan("d", items, limits=limits)
    assert sorted(item.key for item in manifest.items) == sorted(item.key for item in items)
    for batch in manifest.batches:
        members = [item for item in manifest.items if item.batch == batch.index]
        assert len(members) == batch.items
        assert 1 <= batch.items <= batch_items
        assert sum(item.bytes for item in members) == batch.bytes
        assert batch.bytes <= batch_bytes or batch.items == 1
    shuffle.shuffle(items)
    assert plan("d", items, limits=limits).to_json() == manifest.to_json()


@pytest.mark.parametrize(("count", "batch_items"), [(12, 4), (100, 10), (1000, 24), (3000, 24)])
def test_batches_are_balanced_by_bytes_and_the_heaviest_is_first(count: int, batch_items: int) -> None:
    loads = [b.bytes for b in plan("d", study(count), limits=Limits(batch_items=batch_items)).batches]
    assert len(loads) <= -(-count // batch_items) * 9 / 8
    assert max(loads) <= 1.35 * sum(loads) / len(loads)
    assert loads == sorted(loads, reverse=True)


@pytest.mark.parametrize(("count", "changed"), [(1000, 0.15), (3000, 0.1)])
def test_one_more_sample_changes_few_batches(count: int, changed: float) -> None:
    items = study(count)
    before = compositions(plan("d", items))
    after = compositions(plan("d", [*items, Item(key="late", bytes=9_000_000)]))
    assert len(before - after) <= changed * len(before)


def test_weight_is_balanced_where_it_is_given() -> None:
    items = [Item(key=f"{i:03}", bytes=MIB, weight=float(i % 10 + 1)) for i in range(100)]
    manifest = plan("d", items, limits=Limits(batch_items=20))
    weight_of = {item.key: item.weight for item in items}
    loads = [sum(weight_of[key] for key in keys) for keys in compositions(manifest)]
    assert max(loads) <= 1.35 * sum(loads) / len(loads)


def test_the_target_time_makes_batches_smaller_and_full_rounds_of_max_parallel() -> None:
    pace = Pace(batch_seconds=60, item_seconds=30)
    ten_minutes = Limits(batch_items=1000, batch_bytes=10**12, target_minutes=10, pace=pace)
    assert len(plan("d", study(120), limits=ten_minutes).batches) == 7
    full_rounds = ten_minutes.model_copy(update={"max_parallel": 4})
    assert len(plan("d", study(120), limits=full_rounds).batches) == 8


def test_the_largest_item_chooses_the_size() -> None:
    rules = [SizeRule(name="small", max_item_bytes=MIB), SizeRule(name="large")]
    items = [Item(key="a", bytes=1), Item(key="b", bytes=MIB + 1)]
    sizes = {b.bytes: b.size for b in plan("d", items, limits=Limits(batch_items=1), sizes=rules).batches}
    assert sizes == {1: "small", MIB + 1: "large"}
    bounded = [SizeRule(name="small", max_item_bytes=1), SizeRule(name="large", max_item_bytes=2)]
    assert plan("d", items, sizes=bounded).batches[0].size == "large"


def test_done_items_get_no_batch_and_stay_in_the_manifest() -> None:
    items = [Item(key="a", bytes=1), Item(key="b", bytes=1)]
    manifest = plan("d", items, done=frozenset({"a"}))
    assert {item.key: item.batch for item in manifest.items} == {"a": None, "b": 0}
    assert plan("d", items, done=frozenset({"a", "b"})).batches == ()
    assert FanOutManifest.from_json(manifest.to_json()) == manifest


def test_a_repeated_key_is_refused_by_name() -> None:
    with pytest.raises(PlanError, match="not: twin; rename"):
        plan("d", [Item(key="twin", bytes=1), Item(key="twin", bytes=2), Item(key="solo", bytes=3)])


def test_an_item_larger_than_a_batch_travels_alone() -> None:
    manifest = plan("d", [Item(key="huge", bytes=9 * MIB), Item(key="s", bytes=1)], limits=Limits(batch_bytes=MIB))
    assert [batch.items for batch in manifest.batches] == [1, 1]


def test_the_number_of_batches_is_on_a_grid_of_an_eighth() -> None:
    assert [batch_count(n) for n in (1, 8, 9, 16, 17, 42, 417)] == [1, 8, 9, 16, 18, 44, 448]
    assert all(n <= batch_count(n) <= n * 9 / 8 + 1 for n in range(1, 3000))

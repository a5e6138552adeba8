"""The plan of a fan-out: balanced, bounded, deterministic."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from platform_spec.fan_out import Item, Limits, PlanError, plan

MIB = 1024**2
items_strategy = st.lists(
    st.builds(Item, key=st.text("abcdef0123", min_size=1, max_size=8), bytes=st.integers(0, 50 * MIB)),
    unique_by=lambda item: item.key,
    max_size=60,
)


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


def test_batches_are_balanced_by_bytes() -> None:
    items = [Item(key=f"s{i:03}", bytes=(i % 7 + 1) * MIB) for i in range(100)]
    loads = [batch.bytes for batch in plan("d", items, limits=Limits(batch_items=10, batch_bytes=1000 * MIB)).batches]
    assert len(loads) == 10
    assert max(loads) <= 4 / 3 * sum(loads) / len(loads)


def test_done_items_get_no_batch_and_stay_in_the_manifest() -> None:
    items = [Item(key="a", bytes=1), Item(key="b", bytes=1)]
    manifest = plan("d", items, done=frozenset({"a"}))
    assert {item.key: item.batch for item in manifest.items} == {"a": None, "b": 0}
    assert plan("d", items, done=frozenset({"a", "b"})).batches == ()


def test_a_repeated_key_is_refused_by_name() -> None:
    with pytest.raises(PlanError, match="not: twin; rename"):
        plan("d", [Item(key="twin", bytes=1), Item(key="twin", bytes=2), Item(key="solo", bytes=3)])


def test_an_item_larger_than_a_batch_travels_alone() -> None:
    manifest = plan("d", [Item(key="huge", bytes=9 * MIB), Item(key="s", bytes=1)], limits=Limits(batch_bytes=MIB))
    assert [batch.items for batch in manifest.batches] == [1, 1]

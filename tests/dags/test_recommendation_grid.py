"""A grid of settings: one batch per point, the longest first, none for a point that has its result."""

import pytest

from recommendation_grid.plan import points

FOLDER = "s3://data/results/recommendation/v1.1/2026-01-01/state"


def planned(factors=(16, 64), regularization=(0.1, 0.01), present=()):
    return points("recommendation_tuning", FOLDER, list(factors), list(regularization), set(present))


def test_each_point_is_a_batch_of_its_own_and_the_longest_begin_first():
    found = planned()
    assert {item.key for item in found.items} == {
        f"factors={factors} regularization={share}" for factors in (16, 64) for share in (0.1, 0.01)
    }
    assert [batch.items for batch in found.batches] == [1] * 4
    by_batch = {item.batch: item.key for item in found.items}
    assert ["factors=64" in by_batch[batch] for batch in range(4)] == [True, True, False, False]
    assert len({item.result for item in found.items}) == 4
    assert all(item.result.startswith(f"{FOLDER}/points/") for item in found.items)
    assert found.parameters == {"folder": FOLDER}


@pytest.mark.parametrize("numbers", [1, 9, 31, 1024])
def test_large_grids_too(numbers):
    found = planned(range(1, numbers + 1), [0.5])
    assert [batch.items for batch in found.batches] == [1] * numbers


def test_a_point_with_a_result_gets_no_batch_and_the_same_place_in_every_grid():
    done = next(item for item in planned().items if item.key == "factors=16 regularization=0.1")
    again = planned(factors=(8, 16), present=[f"{done.result}.json"])
    assert {item.key: item.batch is None for item in again.items}[done.key]
    assert len(again.batches) == 3
    assert done.result in {item.result for item in again.items}


def test_twice_the_same_number_is_one_point():
    assert len(planned(factors=(16, 16), regularization=(1, 1.0)).items) == 1
    assert planned(factors=(64, 16)).to_json() == planned().to_json()

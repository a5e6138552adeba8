"""Throttling, lost answers, an outage, kill -9 of triggerer and scheduler: nothing lost, doubled or orphaned."""

import os

import pytest

from tests.faults.runs import OURS, SETTINGS, run_in_storm
from tests.faults.world import World

SEEDS = [int(seed) for seed in os.environ.get("FAULTS_SEEDS", "1").split(",")]
TASKS = int(os.environ.get("FAULTS_TASKS", "30"))


@pytest.fixture(scope="module")
def stormy(tmp_path_factory):
    world = World(
        tmp_path_factory.mktemp("storm"), os.environ.get("FAULTS_AIRFLOW", "3.0.6"), {"ours.py": OURS}, SETTINGS
    )
    try:
        world.start_emulator()
        world.deploy()
        world.start_proxy(seed=SEEDS[0])
        world.start_airflow()
        yield world
    finally:
        world.close()


@pytest.mark.timeout(1800)
@pytest.mark.parametrize("seed", SEEDS)
def test_what_airflow_says_is_what_the_containers_did(stormy, seed):
    figures = run_in_storm(
        stormy,
        "storm_ours",
        seed=seed,
        tasks=TASKS,
        storm_seconds=max(60.0, float(TASKS)),
        share=0.15,
        most_seconds=max(600.0, 5.0 * TASKS),
    )
    print(figures)
    wrong = {name: figures[name] for name in ("lost", "doubled", "made_up", "stuck", "orphaned") if figures[name]}
    assert not wrong, figures
    assert figures["succeeded"] == figures["expected_success"], figures
    assert figures["call_faults"] > TASKS, "the storm did not blow"

"""The DAG files that fan out: they import, and their tasks are wired as their documentation says."""

from pathlib import Path

import pytest
from airflow.models.dagbag import DagBag

from platform_spec.tasks import load_tasks

DAGS = Path(__file__).parents[3] / "dags"


@pytest.fixture(autouse=True)
def sizes_as_declared(manifest):
    """The deployment of this repository's own task.toml."""
    from tests.dags.lanes_airflow.conftest import MANIFEST, ON_A_WORKER

    declared = load_tasks(DAGS.parent)["microbiome"].sizes
    lane = {**MANIFEST["tasks"]["microbiome"], "sizes": {n: size.model_dump() for n, size in declared.items()}}
    manifest(tasks={**MANIFEST["tasks"], "microbiome": lane, "least_squares": ON_A_WORKER})


def load(name):
    bag = DagBag(str(DAGS / f"{name}.py"), include_examples=False)
    assert bag.import_errors == {}
    return bag.dags[name]


@pytest.mark.parametrize(
    ("name", "tasks"),
    [
        ("microbiome_dispatch", {"detect", "plan_batches", "fan_out", "facts", "gather"}),
        ("microbiome_batch", {"analyze_batch"}),
        ("example_static_groups", {"even.simulate", "staggered.simulate", "version"}),
        ("example_mapped_tasks", {"commands", "simulate", "count"}),
    ],
)
def test_each_dag_has_its_tasks(name, tasks):
    assert set(load(name).task_ids) == tasks


def test_gather_waits_for_the_fan_out_and_insists_on_all_results_unless_told():
    gather = load("microbiome_dispatch").get_task("gather")
    assert {"fan_out", "facts"} <= gather.upstream_task_ids
    assert gather.command[-1].startswith("{{ '--allow-missing' if")


def test_what_the_fan_out_passes_to_its_children_is_a_param_there():
    params = load("microbiome_batch").params
    assert set(params) == {"manifest", "batch", "size", "capacity"}
    assert load("microbiome_dispatch").get_task("fan_out").trigger_dag_id == "microbiome_batch"

"""Rules for every DAG of the folder, and the exact set of them: a file that is not imported is not tested either."""

import re
import socket
from pathlib import Path

import pytest
from airflow.models.dagbag import DagBag

from lanes import notify_failure
from lanes.team_dag import TeamDag
from platform_spec.environments import environment_names, load_environment
from platform_spec.tasks import load_tasks
from platform_spec.teams import load_teams
from tests.dags.lanes_airflow.conftest import MANIFEST, ON_A_WORKER

DAGS = Path(__file__).parents[3] / "dags"
TABLE = re.compile(r"^\| `(\w+)` \|", re.MULTILINE)


@pytest.fixture
def dags(manifest, monkeypatch):
    declared = load_tasks(DAGS.parent)["microbiome"].sizes
    lane = {**MANIFEST["tasks"]["microbiome"], "sizes": {n: size.model_dump() for n, size in declared.items()}}
    manifest(tasks={**MANIFEST["tasks"], "microbiome": lane, "least_squares": ON_A_WORKER})

    def refuse(*_):
        raise AssertionError("a DAG opened a connection while it was parsed")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    found = {}
    for file in sorted(DAGS.glob("*.py")):
        bag = DagBag(str(file), include_examples=False)
        assert bag.import_errors == {}
        found |= bag.dags
    return found


def test_the_table_of_dags_is_the_set_of_dags(dags):
    assert sorted(TABLE.findall((DAGS / "README.md").read_text())) == sorted(dags)


def test_every_dag_says_who_owns_it_and_what_to_do_when_it_fails(dags):
    for dag_id, dag in dags.items():
        assert "### When it fails" in (dag.doc_md or ""), dag_id
        assert f"release:{MANIFEST['release']}" in dag.tags, dag_id
        assert dag.catchup is False, dag_id


def test_every_dag_is_made_by_the_factory_and_its_tasks_stay_in_their_team_s_pools(dags):
    teams = load_teams(DAGS.parent)
    for dag_id, dag in dags.items():
        assert isinstance(dag, TeamDag), dag_id
        team = teams[dag.team]
        assert team.owns_id(dag_id), dag_id
        for task in dag.tasks:
            assert task.owner in team.owners, (dag_id, task.task_id)
            assert task.pool in team.pools, (dag_id, task.task_id)
            assert team.priority.lowest <= task.priority_weight <= team.priority.highest, (dag_id, task.task_id)


def test_every_task_tells_of_its_final_failure(dags):
    silent = [f"{dag_id}.{task.task_id}" for dag_id, dag in dags.items() for task in dag.tasks if not tells(task)]
    assert silent == []


def tells(task):
    """Airflow 3.0.6 keeps one callback or a list, 3.2.1 always a list."""
    callbacks = task.on_failure_callback
    return notify_failure in (callbacks if isinstance(callbacks, list | tuple) else [callbacks])


def test_every_environment_says_of_every_schedule_whether_it_is_on(dags):
    scheduled = {dag_id for dag_id, dag in dags.items() if dag.declared_schedule is not None}
    for name in environment_names(DAGS.parent):
        assert set(load_environment(name, DAGS.parent).schedules) == scheduled, name

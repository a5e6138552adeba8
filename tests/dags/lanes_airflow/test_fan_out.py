"""The fan-out operator and its trigger inside Airflow: what is dispatched, adopted, repeated, and how it ends."""

import datetime as dt
import json
from types import SimpleNamespace

import pytest
from airflow.exceptions import TaskDeferred
from airflow.models.trigger import Trigger
from airflow.providers.standard.operators.trigger_dagrun import TriggerDagRunOperator
from airflow.sdk import DAG

from lanes import fan_out, if_partial
from lanes.airflow_errors import AirflowException, AirflowFailException
from lanes.fan_outs import operator as fan_out_operator
from lanes.fan_outs.child_runs import dispatch as child_runs
from lanes.fan_outs.child_runs.handout import child_conf, child_name, handout_key
from lanes.fan_outs.child_runs.ids import child_run_id
from lanes.fan_outs.child_runs.states import ChildState
from lanes.fan_outs.state import FanOutState
from lanes.fan_outs.trigger import FanOutTrigger
from platform_spec.fan_out_resume import Resumed

START = dt.datetime(2026, 11, 20, tzinfo=dt.UTC)
URI = "s3://data/fanout/d/" + "ab" * 32 + ".json"
SHA = "ab" * 32
RUN = "manual__2026-11-20T10:00:00+00:00"


@pytest.fixture
def airflow(monkeypatch):
    """Airflow's side: `children` maps run id to state, `created` records what was asked for."""
    side = SimpleNamespace(children={}, classes={}, created=[], handouts=[], resumed=Resumed(run_id=RUN), batches=5)

    def manifest(uri):
        batches = [{"index": i, "size": None, "items": 1, "bytes": 1} for i in range(side.batches)]
        return {"batches": batches, "items": [{}] * side.batches}, SHA

    def ensure(dag_id, run_id, conf, known):
        side.created.append((run_id, conf))
        return "created"

    monkeypatch.setattr(fan_out_operator, "read_manifest", manifest)
    monkeypatch.setattr(fan_out_operator, "read_resumed", lambda uri, run_id: side.resumed)
    monkeypatch.setattr(child_runs, "write_once", lambda uri, value: side.handouts.append((uri, value)))
    monkeypatch.setattr(child_runs, "refuse_paused", lambda dag_id: None)
    monkeypatch.setattr(child_runs, "ensure_child_run", ensure)
    monkeypatch.setattr(
        child_runs,
        "failure_classes",
        lambda dag_id, run_ids: {r: side.classes[r] for r in run_ids if r in side.classes},
    )
    monkeypatch.setattr(
        child_runs,
        "existing_children",
        lambda dag_id, run_ids: {r: side.children[r] for r in run_ids if r in side.children},
    )
    return side


def make(**kwargs):
    with DAG("d", schedule=None, start_date=START):
        return fan_out("child", URI, **kwargs)


def context(try_number=1):
    pushed = {}
    ti = SimpleNamespace(
        dag_id="d", run_id=RUN, task_id="fan_out", map_index=-1, try_number=try_number,
        xcom_push=lambda key, value: pushed.update({key: value}), pushed=pushed,
    )  # fmt: skip
    return {"ti": ti, "run_id": RUN}


def deferred(task, given=None):
    with pytest.raises(TaskDeferred) as raised:
        task.execute(given or context())
    return raised.value.trigger


def event(state, **changes):
    return {"outcome": "over", "state": state.to_dict(), "try_number": 1, "started_at": 0.0, **changes}


def test_it_is_a_trigger_dag_run_operator():
    assert isinstance(make(), TriggerDagRunOperator)


def test_every_batch_gets_a_child_with_a_deterministic_id(airflow):
    given = context()
    trigger = deferred(make(), given)
    assert [run_id for run_id, _ in airflow.created] == [f"{RUN}__abababab__b{i:05}" for i in range(5)]
    assert airflow.created[3][1] == {
        "manifest": URI, "batch": 3, "size": None,
        "fan_out": {"dag_id": "d", "run_id": RUN, "task_id": "fan_out", "map_index": -1},
    }  # fmt: skip
    assert trigger.state.running == [0, 1, 2, 3, 4]
    ((uri, handed),) = airflow.handouts
    assert uri == f"s3://data/{handout_key('child', f'{RUN}__abababab__b')}"
    assert handed["manifest"] == URI
    made = child_conf(handed["manifest"], handed["parent"], {"index": 3, "size": None}, None)
    assert made == airflow.created[3][1]  # what a task that starts in the triggerer finds is what a worker is given
    assert given["ti"].pushed["fan_out"]["prefix"] == f"{RUN}__abababab__b"


def test_a_later_attempt_adopts_and_repeats_only_what_failed(airflow):
    states = [ChildState.SUCCEEDED, ChildState.RUNNING, ChildState.ENDED, ChildState.WAITING]
    airflow.children = {child_run_id(RUN, SHA, i): state for i, state in enumerate(states)}
    trigger = deferred(make())
    assert [conf["batch"] for _, conf in airflow.created] == [2, 4]  # failed, and never created
    assert trigger.state.succeeded == [0]
    assert sorted(trigger.state.running) == [1, 2, 3, 4]


def test_a_quarantined_batch_is_not_tried_again_unless_it_counts(airflow):
    airflow.children = {child_run_id(RUN, SHA, i): ChildState.ENDED for i in (0, 1)}
    airflow.classes = {child_run_id(RUN, SHA, 0): "input", child_run_id(RUN, SHA, 1): "memory"}
    trigger = deferred(make())
    assert trigger.state.failed == {0: "input"}
    assert [conf["batch"] for _, conf in airflow.created] == [1, 2, 3, 4]
    airflow.created.clear()
    deferred(make(quarantine=False))
    assert [conf["batch"] for _, conf in airflow.created] == [0, 1, 2, 3, 4]


def test_no_more_than_max_parallel_are_open_and_the_heaviest_come_first(airflow):
    task = make(max_parallel=2)
    trigger = deferred(task)
    assert [conf["batch"] for _, conf in airflow.created] == [0, 1]
    airflow.created.clear()
    trigger.state.end(0, None)
    with pytest.raises(TaskDeferred) as again:
        task.conclude(context(), event(trigger.state, outcome="more"))
    assert [conf["batch"] for _, conf in airflow.created] == [2]
    assert again.value.trigger.state.to_dict() == {"waiting": [3, 4], "running": [1, 2], "succeeded": [0], "failed": {}}


def test_a_batch_resumed_with_other_settings_is_a_new_run(airflow):
    airflow.resumed = airflow.resumed.again([1], size="large", capacity="on_demand")
    deferred(make())
    run_id, conf = airflow.created[1]
    assert run_id == f"{RUN}__abababab__b00001__r1"
    assert (conf["size"], conf["capacity"]) == ("large", "on_demand")


def test_an_engine_that_is_none_is_refused_when_the_dag_is_parsed():
    with pytest.raises(ValueError, match="engine 'lambda' is none of runs, array"):
        make(engine="lambda")


def test_nothing_to_do_ends_at_once(airflow):
    airflow.batches = 0
    assert make().execute(context()) == URI
    assert airflow.created == []


def test_failures_beyond_the_tolerance_fail_with_the_runs_by_class(airflow):
    state = FanOutState([], [], [0, 1], {2: "memory", 3: "error"})
    with pytest.raises(AirflowException, match="2 of 4 child runs of child failed, 1 allowed") as raised:
        make(max_failed=1).conclude(context(), event(state))
    assert not isinstance(raised.value, AirflowFailException)
    given = context()
    assert make(max_failed="2").conclude(given, event(state)) == URI
    assert given["ti"].pushed["fan_out_summary"]["state"] == "partial"


def test_bad_input_alone_is_not_tried_again(airflow):
    state = FanOutState([], [], [], {0: "input", 1: "input"})
    assert make().conclude(context(), event(state)) == URI
    with pytest.raises(AirflowFailException):
        make(quarantine=False).conclude(context(), event(state))


def test_a_paused_child_fails_with_the_way_out(airflow):
    with pytest.raises(AirflowFailException, match="airflow dags unpause child"):
        make().conclude(context(), event(FanOutState([], [0]), outcome="paused"))


def test_the_event_of_an_earlier_attempt_starts_anew(airflow):
    stale = event(FanOutState([], [], [], {0: "error"}))
    with pytest.raises(TaskDeferred):
        make().conclude(context(try_number=2), stale)
    assert len(airflow.created) == 5


def test_the_trigger_survives_airflows_own_storage(airflow):
    trigger = deferred(make(max_failed=0.25))
    stored = Trigger.from_object(trigger)
    assert stored.classpath == "lanes.fan_outs.trigger.FanOutTrigger"
    again = FanOutTrigger(**{**json.loads(json.dumps(stored.kwargs)), "a_newer_argument": 1})
    assert again.state == trigger.state
    assert again.tolerance.max_failed == 0.25


def test_ids_of_children_fit_into_airflow_whatever_the_parents_id():
    longest = child_run_id("r" * 250, SHA, 99999, 12)
    assert len(longest) <= 250
    assert longest != child_run_id("r" * 249 + "s", SHA, 99999, 12)
    assert child_name(longest) == (longest.removesuffix("99999__r12"), 99999, 12)
    assert child_name(child_run_id(RUN, SHA, 7)) == (f"{RUN}__abababab__b", 7, 0)
    assert child_name(RUN) is None


def test_a_word_only_for_partial_runs():
    import jinja2

    render = jinja2.Template(if_partial("fan_out", "--allow-missing")).render
    pull = {"state": "partial"}
    assert render(ti=SimpleNamespace(xcom_pull=lambda *a, **k: pull)) == "--allow-missing"
    pull = {"state": "complete"}
    assert render(ti=SimpleNamespace(xcom_pull=lambda *a, **k: pull)) == ""
    assert render(ti=SimpleNamespace(xcom_pull=lambda *a, **k: None)) == ""

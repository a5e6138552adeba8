"""The DAG recommendation: three steps per date, the middle one on AWS Batch, no date waiting for another."""

from pathlib import Path

import pytest
from airflow.exceptions import ParamValidationError
from airflow.models.dagbag import DagBag

from lanes.batch.operator import SubmitBatchJob
from lanes.ecs.operator import RunTask
from lanes.fan_outs.array_jobs.operator import ArrayFanOut

FILE = Path(__file__).parents[3] / "dags/recommendation.py"


@pytest.fixture
def recommendation():
    bag = DagBag(str(FILE), include_examples=False)
    assert bag.import_errors == {}
    return bag.dags["recommendation"]


def date_word(dag, params, **context):
    """`--date=…` as a run renders it."""
    word = next(word for word in dag.get_task("preprocess").command if word.startswith("--date"))
    return dag.get_template_env(force_sandboxed=True).from_string(word).render(params=params, **context)


def test_the_model_runs_on_batch_and_the_rest_on_fargate(recommendation):
    lanes = {task.task_id: type(task) for task in recommendation.tasks}
    assert lanes == {"preprocess": RunTask, "inference": SubmitBatchJob, "postprocess": RunTask}
    assert recommendation.get_task("inference").capacity is None  # as task.toml and the environment say: Spot first
    assert recommendation.get_task("postprocess").upstream_task_ids == {"preprocess", "inference"}
    assert recommendation.get_task("inference").upstream_task_ids == {"preprocess"}


def test_a_month_runs_side_by_side(recommendation):
    assert not any(task.depends_on_past or task.wait_for_downstream for task in recommendation.tasks)
    assert recommendation.max_active_runs >= 31
    assert {task.pool for task in recommendation.tasks} == {"ml"}


def test_the_date_is_the_run_s_own_or_the_parameter_s(recommendation):
    assert date_word(recommendation, {"date": ""}, ds="2026-01-05") == "--date=2026-01-05"
    assert date_word(recommendation, {"date": "2026-01-06"}, ds="2026-01-05") == "--date=2026-01-06"
    # A run without a logical date has no `ds`: the program says what to do.
    assert date_word(recommendation, {"date": ""}) == "--date="
    assert date_word(recommendation, {"date": "2026-01-06"}) == "--date=2026-01-06"


@pytest.mark.parametrize(
    ("value", "accepted"), [("", True), ("2026-01-05", True), ("5.1.2026", False), ("../x", False)]
)
def test_the_parameter_takes_a_date(recommendation, value, accepted):
    param = recommendation.params.get_param("date")
    if accepted:
        assert param.resolve(value) == value
    else:
        with pytest.raises(ParamValidationError, match="does not match"):
            param.resolve(value)


@pytest.fixture
def tuning():
    bag = DagBag(str(FILE.with_name("recommendation_tuning.py")), include_examples=False)
    assert bag.import_errors == {}
    return bag.dags["recommendation_tuning"]


def test_a_grid_is_an_array_job_and_its_points_are_compared(tuning):
    evaluate = tuning.get_task("evaluate")
    assert isinstance(evaluate, ArrayFanOut)
    assert (evaluate.name, evaluate.capacity) == ("recommendation_inference", None)  # Spot where the environment has it
    assert {"plan_points", "evaluate"} <= tuning.get_task("compare").upstream_task_ids
    assert tuning.get_task("compare").command[-1].startswith("{{ '--allow-missing' if")
    assert tuning.schedule is None
    assert date_word(tuning, {"date": "2026-01-06"}, ds="2026-01-05") == "--date=2026-01-06"


@pytest.mark.parametrize(
    ("name", "value", "accepted"),
    [
        ("factors", [1, 64], True),
        ("factors", [], False),
        ("factors", [0], False),
        ("factors", [1.5], False),
        ("regularization", [0, 0.5], True),
        ("regularization", [-1], False),
        ("regularization", "0.1", False),
    ],
)
def test_the_grid_s_numbers_are_checked(tuning, name, value, accepted):
    param = tuning.params.get_param(name)
    if accepted:
        assert param.resolve(value) == value
    else:
        with pytest.raises(ParamValidationError):
            param.resolve(value)

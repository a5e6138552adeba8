"""Names are part of the interface between the parts: they are pinned, and too long ones are refused before AWS does."""

from pathlib import Path

import pytest

from platform_spec.environments import load_environment
from platform_spec.errors import SpecError
from platform_spec.naming import Names, check_task_names, construct_id, image_parameter

NAMES = Names(load_environment("dev", Path(__file__).parents[2]))


def test_names_are_pinned() -> None:
    assert NAMES.stack("compute") == "tasklane-dev-compute"
    assert NAMES.cluster == NAMES.mwaa_environment == "tasklane-dev"
    assert NAMES.repository("microbiome") == "tasklane-dev/microbiome"
    assert NAMES.family("microbiome") == "tasklane-dev-microbiome"
    assert NAMES.container("microbiome") == "microbiome"
    assert NAMES.log_group("microbiome") == "/tasklane/dev/microbiome"
    assert NAMES.dag_bucket == "tasklane-dev-dags-111122223333-ap-northeast-1"
    assert NAMES.data_bucket == "tasklane-dev-data-111122223333-ap-northeast-1"
    assert NAMES.key_alias == "alias/tasklane-dev"
    assert NAMES.task_role("microbiome") == "tasklane-dev-microbiome-task"
    assert NAMES.execution_role("microbiome") == "tasklane-dev-microbiome-exec"
    assert NAMES.airflow_role == "tasklane-dev-airflow"
    assert NAMES.airflow_log_group("DAGProcessing") == "airflow-tasklane-dev-DAGProcessing"
    assert NAMES.insights_log_group == "/aws/ecs/containerinsights/tasklane-dev/performance"
    assert NAMES.parameter("network") == "/tasklane/dev/deployment/network"
    assert NAMES.task_parameter("microbiome") == "/tasklane/dev/deployment/tasks/microbiome"
    assert NAMES.secret("microbiome", "API_KEY") == "tasklane-dev/microbiome/API_KEY"


def test_construct_ids() -> None:
    assert construct_id("related_articles") == "RelatedArticles"
    assert image_parameter("microbiome") == "MicrobiomeImage"


def test_a_task_name_that_aws_would_refuse() -> None:
    task = "a" * 50
    with pytest.raises(SpecError) as caught:
        check_task_names(NAMES, ["microbiome", task])
    assert {problem.file for problem in caught.value.problems} == {f"task_images/{task}/"}
    first = caught.value.problems[0]
    assert "the role would be called tasklane-dev-aaa" in first.what
    assert first.allowed == "at most 64 characters"
    assert first.fix == f"shorten the task name {task} by 4 characters"

"""[tasks.<name>] in an environment's file: the same task elsewhere, and what a person reads when that cannot be."""

from pathlib import Path

import pytest

from platform_spec.environments import load_environment
from platform_spec.errors import SpecError
from platform_spec.task_changes import tasks_of
from platform_spec.tasks import Task, load_tasks
from tests.platform_spec.test_tasks import TASK, write_task

ENVIRONMENT = """
account = "111122223333"
region = "us-east-1"
zones = ["us-east-1a", "us-east-1b"]
[network]
cidr = "10.0.0.0/16"
"""


def changed(root: Path, table: str) -> dict[str, Task]:
    (root / "environments").mkdir()
    (root / "environments/dev.toml").write_text(ENVIRONMENT + table)
    return tasks_of(load_environment("dev", root), root)


def problem_of(root: Path, table: str) -> str:
    with pytest.raises(SpecError) as caught:
        changed(write_task(root, TASK), table)
    (problem,) = caught.value.problems
    return str(problem)


def test_without_a_table_tasks_are_as_declared(tmp_path: Path) -> None:
    assert changed(write_task(tmp_path, TASK), "") == load_tasks(tmp_path)


def test_a_task_moves_to_another_lane_and_keeps_everything_else(tmp_path: Path) -> None:
    root = write_task(tmp_path, TASK)
    declared = load_tasks(root)["microbiome"]
    moved = changed(root, '[tasks.microbiome]\nlane = "docker"\narchitecture = "x86_64"')["microbiome"]
    assert (moved.lane, moved.architecture, moved.spot) == ("docker", "x86_64", False)
    assert moved.model_dump(exclude={"lane", "architecture", "spot"}) == declared.model_dump(
        exclude={"lane", "architecture", "spot"}
    )


def test_spot_stays_where_the_new_lane_has_it(tmp_path: Path) -> None:
    assert changed(write_task(tmp_path, TASK), '[tasks.microbiome]\nlane = "batch"')["microbiome"].spot


def test_sizes_are_replaced_as_a_whole(tmp_path: Path) -> None:
    table = "[tasks.microbiome.sizes.batch]\ncpu_units = 256\nmemory_mib = 512"
    task = changed(write_task(tmp_path, TASK), table)["microbiome"]
    assert list(task.sizes) == ["batch"]
    assert (task.sizes["batch"].memory_mib, task.lane, task.spot) == (512, "fargate", True)


@pytest.mark.parametrize(
    ("table", "said"),
    [
        (
            '[tasks.microbiom]\nlane = "docker"',
            "environments/dev.toml: tasks.microbiom: no such task; allowed: microbiome; fix: did you mean microbiome?",
        ),
        (
            '[tasks.microbiome]\nlane = "dokcer"',
            'environments/dev.toml: tasks.microbiome.lane = "dokcer": not an allowed value; '
            "allowed: fargate, ec2, batch, virtualenv, docker, kubernetes; fix: use docker",
        ),
        (
            "[tasks.microbiome]\ntimeout_minutes = 5",
            "environments/dev.toml: tasks.microbiome.timeout_minutes = 5: unknown key; "
            "allowed: architecture, lane, sizes, spot; fix: remove the key",
        ),
        (
            '[tasks.microbiome]\nlane = "docker"\nspot = true',
            "environments/dev.toml: tasks.microbiome.spot = true: lane docker has no Spot capacity of AWS to choose; "
            'allowed: false; fix: remove it, or set lane = "fargate"',
        ),
    ],
)
def test_what_cannot_be_is_said_with_file_and_key(tmp_path: Path, table: str, said: str) -> None:
    assert problem_of(tmp_path, table) == said


def test_a_task_that_another_registers_stays_on_ecs(tmp_path: Path) -> None:
    root = write_task(tmp_path, TASK)
    write_task(root, TASK.replace("secrets = []", 'registers = ["microbiome"]'), "newest")
    with pytest.raises(SpecError, match=r"access\.registers = \"microbiome\": no such task"):
        changed(root, '[tasks.microbiome]\nlane = "docker"')

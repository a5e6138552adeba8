"""Of every task that ECS or Batch starts: which image, its parameter, its user and its scratch folder."""

from __future__ import annotations

import re
from typing import Any

import pytest

from platform_spec.content import content_tag
from platform_spec.lanes import GUESTS, stack_of
from platform_spec.naming import image_parameter
from platform_spec.tasks import Task, load_tasks, with_image
from tests.stacks.conftest import ROOT
from tests.stacks.evaluate import Deployment

TASKS = {name: task for name, task in with_image(load_tasks(ROOT)).items() if task.lane not in GUESTS}


def container(deployment: Deployment, task: Task) -> dict[str, Any]:
    """Its definition as Batch or as ECS has it: both call image and user the same."""
    name = f"tasklane-{deployment.name}-{task.name}"
    if task.lane == "batch":
        definition = deployment.one("batch", "AWS::Batch::JobDefinition", JobDefinitionName=name)
        return dict(definition["ContainerProperties"])
    [made] = deployment.one("compute", "AWS::ECS::TaskDefinition", Family=name)["ContainerDefinitions"]
    return dict(made)


@pytest.mark.parametrize("task", TASKS.values(), ids=lambda task: task.name)
def test_image_is_the_repository_and_the_content_tag(deployment: Deployment, task: Task) -> None:
    repository = (
        f"{deployment.account}.dkr.ecr.{deployment.region}.amazonaws.com/tasklane-{deployment.name}/{task.name}"
    )
    tag = content_tag(task.folder, task.architecture)
    assert container(deployment, task)["Image"] == f"{repository}:{tag}"


@pytest.mark.parametrize("task", TASKS.values(), ids=lambda task: task.name)
@pytest.mark.parametrize(
    ("value", "accepted"),
    [
        (":src-0123456789abcdef0123", True),
        ("@sha256:" + "0" * 64, True),
        ("", False),
        ("latest", False),
        (":", False),
        ("@sha256:" + "0" * 63, False),
        ("@sha256:" + "g" * 64, False),
        (":a b", False),
    ],
)
def test_image_parameter_takes_a_tag_or_a_digest(
    deployment: Deployment, task: Task, value: str, accepted: bool
) -> None:
    parameter = deployment.stacks[stack_of(task.lane)]["Parameters"][image_parameter(task.name)]
    assert bool(re.fullmatch(parameter["AllowedPattern"], value)) is accepted


@pytest.mark.parametrize("task", TASKS.values(), ids=lambda task: task.name)
def test_user_and_scratch_folder_are_those_of_the_image(deployment: Deployment, task: Task) -> None:
    """ECS mounts an empty volume for root alone unless the image owns the folder and names it in VOLUME."""
    dockerfile = (task.folder / "Dockerfile").read_text()
    user = container(deployment, task)["User"]
    assert user not in ("", "0", "root")
    assert re.search(rf"--uid[ =]{user}\b", dockerfile)
    assert re.search(r'^VOLUME (\["/scratch"\]|/scratch)$', dockerfile, re.MULTILINE)
    assert re.search(r"^USER (?!root|0)\S+$", dockerfile, re.MULTILINE)

"""Which image a task runs: a parameter of its stack, so that a release changes it without new code."""

from __future__ import annotations

from aws_cdk import CfnParameter, Stack
from aws_cdk import aws_ecr as ecr
from constructs import Construct

from platform_spec.content import content_tag
from platform_spec.naming import image_parameter
from platform_spec.tasks import Task


def chosen_image(scope: Construct, task: Task, repository: ecr.IRepository) -> str:
    """A release gives the digest; the default is the tag the source has now, pushed before the first deployment."""
    parameter = CfnParameter(
        Stack.of(scope),
        image_parameter(task.name),
        description=f"Image of {task.name}: ':<tag>' or '@sha256:<digest>'",
        default=f":{content_tag(task.folder, task.architecture)}",
        allowed_pattern=r"^(:[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}|@sha256:[0-9a-f]{64})$",
        constraint_description="must be ':<tag>' or '@sha256:<64 hexadecimal digits>'",
    )
    return f"{repository.repository_uri}{parameter.value_as_string}"

"""One image repository per task. A stack of its own: images are pushed after it and before the compute stack."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aws_cdk import Stack, Tags
from constructs import Construct

from platform_spec.cost_tags import OWNER_TAG, TASK_TAG
from platform_spec.environments import Environment
from platform_spec.naming import Names, construct_id
from platform_spec.tasks import Task, with_image
from stacks.components.image_repository import ImageRepository
from stacks.storage import StorageStack


class RegistryStack(Stack):
    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        settings: Environment,
        names: Names,
        tasks: Mapping[str, Task],
        storage: StorageStack,
        **stack: Any,
    ) -> None:
        super().__init__(scope, id_, **stack)
        for name, task in with_image(tasks).items():
            repository = ImageRepository(
                self, construct_id(name), name=names.repository(name), settings=settings, key=storage.key
            )
            Tags.of(repository).add(TASK_TAG, name)
            Tags.of(repository).add(OWNER_TAG, task.owner)

"""Eyes on an environment: alarms, the topic they go to, the record of stopped tasks, a dashboard."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from aws_cdk import Stack
from constructs import Construct

from platform_spec.alarms import alarms
from platform_spec.environments import Environment
from platform_spec.naming import Names
from stacks.components.alarm_topic import AlarmTopic
from stacks.components.alarms import Alarms
from stacks.components.board import Board
from stacks.components.published import Published
from stacks.components.task_events import TaskEvents
from stacks.storage import StorageStack


class MonitoringStack(Stack):
    """Watches by name: it can be changed, or be missing, without touching what it watches."""

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        settings: Environment,
        names: Names,
        tasks: Iterable[str],
        storage: StorageStack,
        **stack: Any,
    ) -> None:
        super().__init__(scope, id_, **stack)
        watched = alarms(names)
        topic = AlarmTopic(self, "Alarm", settings=settings, names=names, key=storage.key).topic
        TaskEvents(self, "TaskEvents", settings=settings, names=names, key=storage.key)
        Alarms(self, "Alarms", alarms=watched, names=names, topic_arn=topic.ref)
        Published(self, "Deployment", name=names.parameter("monitoring"), values={"topic_arn": topic.ref})
        Board(self, "Board", alarms=watched, tasks=sorted(tasks), names=names)

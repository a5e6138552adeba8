"""The trigger of RunTask."""

from __future__ import annotations

from typing import ClassVar

from lanes.attempts.trigger import LaneTrigger
from lanes.aws.shared import Shared
from lanes.ecs.engine import EcsEngine
from lanes.ecs.launch import EcsLaunch
from lanes.ecs.poller import EcsPoller


class RunTaskTrigger(LaneTrigger):
    launch_class: ClassVar[type[EcsLaunch]] = EcsLaunch
    launch: EcsLaunch

    def engine(self, ours: Shared) -> EcsEngine:
        cluster = self.launch.cluster
        poller = ours.poller(cluster, lambda: EcsPoller(ours.calls, cluster))
        return EcsEngine(self.launch, ours.calls, poller, self.prepared_at)

"""The trigger of SubmitBatchJob."""

from __future__ import annotations

from typing import ClassVar

from lanes.attempts.trigger import LaneTrigger
from lanes.aws.shared import Shared
from lanes.batch.engine import BatchEngine
from lanes.batch.launch import BatchLaunch
from lanes.batch.poller import BatchPoller


class SubmitBatchJobTrigger(LaneTrigger):
    launch_class: ClassVar[type[BatchLaunch]] = BatchLaunch
    launch: BatchLaunch

    def engine(self, ours: Shared) -> BatchEngine:
        poller = ours.poller("batch", lambda: BatchPoller(ours.calls))
        return BatchEngine(self.launch, ours.calls, poller, self.prepared_at)

"""Where task records live: in ministack's store (counts, tags), and in the journal, so that no task is ever forgotten.

Source: Amazon ECS API Reference, DescribeTasks (stopped tasks stay visible for at least one hour). A task that was
running when the emulator was killed is found stopped after the restart, as a task whose host was lost.
"""

import time
from typing import Any

from ministack.services import ecs

from local.aws.ecs.records import advance, public, want_stopped
from local.aws.journal import Journal

Json = dict[str, Any]
VISIBLE_SECONDS = 2 * 3600


class TaskStore:
    """Adds, saves, restores and prunes records."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        journal.register("task", self._restore, self._visible)

    def add(self, record: Json, tags: list[Json]) -> None:
        """A new task of the current request's account and Region."""
        if tags:
            ecs._tags[record["taskArn"]] = tags
        ecs._tasks[record["taskArn"]] = record
        self.save(record)

    def save(self, record: Json) -> None:
        """Write the record's present state down."""
        fact = {"record": public(record), "tags": ecs._tags.get(record["taskArn"]) or []}
        self._journal.write("task", record["taskArn"], fact)

    def prune(self) -> None:
        """Forget tasks that stopped long ago, in memory and in the journal."""
        horizon = time.time() - VISIBLE_SECONDS
        for key, record in ecs._tasks.all_items():
            if record["lastStatus"] == "STOPPED" and record.get("stoppedAt", 0) < horizon:
                ecs._tasks._data.pop(key, None)
        self._journal.compact()

    @staticmethod
    def _visible(task_arn: str, fact: Json) -> bool:
        return bool(fact["record"].get("stoppedAt", time.time()) > time.time() - VISIBLE_SECONDS)

    def _restore(self, task_arn: str, fact: Json) -> None:
        record = fact["record"]
        if record["lastStatus"] != "STOPPED":
            want_stopped(record, "TerminationNotice", "The host of the task was lost")
            for container in record["containers"]:
                container["lastStatus"] = "STOPPED"
            advance(record, "STOPPED")
        _, _, _, region, account, _ = task_arn.split(":", 5)
        ecs._tasks.set_scoped(account, region, task_arn, record)
        if fact["tags"]:
            ecs._tags.set_scoped(account, region, task_arn, fact["tags"])

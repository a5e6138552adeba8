"""RunTask: judge, check, start (Amazon ECS API Reference, RunTask; Developer Guide, "IAM policy examples: run tasks").

The caller needs ecs:RunTask on the task definition (judged by the router, with ecs:cluster), iam:PassRole on each role
the task takes with iam:PassedToService ecs-tasks.amazonaws.com, and ecs:TagResource for tags given at creation.
"""

import copy
import uuid
from dataclasses import dataclass
from typing import Any

from ministack.core.responses import get_account_id, get_region
from ministack.services import ecs

from local.aws.ecs.agent import Agent
from local.aws.ecs.errors import EcsError, Response, answer
from local.aws.ecs.idempotency import ClientTokens
from local.aws.ecs.placement import Placement, place
from local.aws.ecs.records import new_record, public
from local.aws.ecs.task_store import TaskStore
from local.aws.ecs.validation import check_against_definition, check_request
from local.aws.faults.switch import FaultSwitch
from local.aws.iam.enforcement import Enforcement
from local.aws.network.origin import of_task

Json = dict[str, Any]


@dataclass
class RunTask:
    """The handler."""

    agent: Agent
    enforcement: Enforcement
    faults: FaultSwitch
    tokens: ClientTokens
    store: TaskStore

    def __call__(self, data: Json) -> Response:
        """Answer a request."""
        try:
            check_request(data)
            cluster = _cluster(data)
            definition = _definition(data)
            placed = place(data, cluster)
            check_against_definition(data, definition, placed[0][0] == "FARGATE")
            denied = self._denied(data, definition, cluster)
            return denied or self._start(data, definition, cluster, placed)
        except EcsError as error:
            return error.response()

    def _denied(self, data: Json, definition: Json, cluster: Json) -> Response | None:
        overrides = data.get("overrides") or {}
        roles = [overrides.get(key) or definition.get(key) for key in ("taskRoleArn", "executionRoleArn")]
        for role in dict.fromkeys(filter(None, roles)):
            context = {"iam:PassedToService": "ecs-tasks.amazonaws.com"}
            if denied := self.enforcement.deny_caller("iam:PassRole", role, context):
                return denied
        if data.get("tags"):
            tasks = cluster["clusterArn"].replace(":cluster/", ":task/") + "/*"
            return self.enforcement.deny_caller("ecs:TagResource", tasks, {"ecs:CreateAction": "RunTask"})
        return None

    def _start(self, data: Json, definition: Json, cluster: Json, placed: list[Placement]) -> Response:
        scope = (get_account_id(), cluster["clusterArn"])
        with self.tokens.lock:
            known = self.tokens.known(scope, data)
            if known is not None:
                return answer(
                    {"tasks": [public(ecs._tasks[arn]) for arn in known if arn in ecs._tasks], "failures": []}
                )
            if failure := self.faults.capacity_failure({provider or launch_type for launch_type, provider in placed}):
                return answer({"tasks": [], "failures": [failure]}) if isinstance(failure, dict) else failure
            records = [self._record(data, definition, cluster, one) for one in placed]
            self.tokens.remember(scope, data, [record["taskArn"] for record in records])
        started = [public(record) for record in records]
        for record in records:
            self.agent.start(record, copy.deepcopy(definition), (get_account_id(), get_region()), of_task(data))
        return answer({"tasks": started, "failures": []})

    def _record(self, data: Json, definition: Json, cluster: Json, placed: Placement) -> Json:
        task_arn = cluster["clusterArn"].replace(":cluster/", ":task/") + "/" + uuid.uuid4().hex
        record = new_record(task_arn, data, definition, cluster, placed)
        tags = list(data.get("tags") or [])
        if data.get("propagateTags") == "TASK_DEFINITION":
            given = {tag["key"] for tag in tags}
            inherited = ecs._tags.get(definition["taskDefinitionArn"]) or []
            tags += [tag for tag in inherited if tag["key"] not in given]
        self.store.add(record, tags)
        return record


def _cluster(data: Json) -> Json:
    cluster = ecs._clusters.get(ecs._resolve_cluster_name(data.get("cluster", "default")))
    if cluster is None:
        raise EcsError("ClusterNotFoundException", "Cluster not found.")
    return cluster


def _definition(data: Json) -> Json:
    reference = data.get("taskDefinition", "")
    definition = ecs._task_defs.get(ecs._resolve_td_key(reference))
    if definition is None:
        raise EcsError("ClientException", f"TaskDefinition not found: {reference}")
    return definition

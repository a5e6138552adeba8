"""StopTask, DescribeTasks and ListTasks (Amazon ECS API Reference)."""

from dataclasses import dataclass
from typing import Any

from ministack.core.responses import get_account_id, get_region
from ministack.services import ecs

from local.aws.ecs.agent import Agent
from local.aws.ecs.errors import EcsError, Response, answer
from local.aws.ecs.records import public
from local.aws.iam.enforcement import Enforcement
from local.aws.iam.resources import cluster_arn, task_arn

Json = dict[str, Any]
_DESCRIBED_AT_MOST, _LISTED_AT_MOST = 100, 100


@dataclass
class TaskCalls:
    """The handlers; the router has judged the caller on the first task."""

    agent: Agent
    enforcement: Enforcement

    def stop(self, data: Json) -> Response:
        """StopTask: the answer comes at once, the containers get SIGTERM."""
        try:
            record = _find(str(data.get("task", "")), _cluster_of(data))
            if record is None:
                raise EcsError("InvalidParameterException", "The referenced task was not found.")
        except EcsError as error:
            return error.response()
        self.agent.stop(record["taskArn"], "UserInitiated", data.get("reason") or "Task stopped by user")
        return answer({"task": public(record)})

    def describe(self, data: Json) -> Response:
        """DescribeTasks: up to 100 tasks; unknown ones are failures with reason MISSING."""
        try:
            cluster = _cluster_of(data)
            references = data.get("tasks") or []
            if not 1 <= len(references) <= _DESCRIBED_AT_MOST:
                raise EcsError(
                    "InvalidParameterException", "Tasks: between 1 and 100 tasks can be described in a call."
                )
        except EcsError as error:
            return error.response()
        arns = [task_arn(str(reference), cluster, get_region(), get_account_id()) for reference in references]
        condition = {"ecs:cluster": cluster}
        for arn in arns[1:]:
            if denied := self.enforcement.deny_caller("ecs:DescribeTasks", arn, condition):
                return denied
        found = [(arn, _find(arn, cluster)) for arn in arns]
        tasks = [self._described(record, "TAGS" in (data.get("include") or [])) for _, record in found if record]
        failures = [{"arn": arn, "reason": "MISSING"} for arn, record in found if record is None]
        return answer({"tasks": tasks, "failures": failures})

    def list(self, data: Json) -> Response:
        """ListTasks: desiredStatus RUNNING by default; startedBy only as the sole filter; pages of up to 100."""
        try:
            cluster = _cluster_of(data)
            if data.get("startedBy") and (data.get("family") or data.get("serviceName")):
                raise EcsError("InvalidParameterException", "When startedBy is specified it must be the only filter.")
        except EcsError as error:
            return error.response()
        arns = [arn for arn, record in list(ecs._tasks.items()) if _listed(record, cluster, data)]
        start = int(data.get("nextToken") or 0)
        size = min(int(data.get("maxResults") or _LISTED_AT_MOST), _LISTED_AT_MOST)
        page: Json = {"taskArns": arns[start : start + size]}
        if start + size < len(arns):
            page["nextToken"] = str(start + size)
        return answer(page)

    @staticmethod
    def _described(record: Json, with_tags: bool) -> Json:
        document = public(record)
        if with_tags:
            document["tags"] = ecs._tags.get(record["taskArn"]) or []
        return document


def _cluster_of(data: Json) -> str:
    arn = cluster_arn(data.get("cluster"), get_region(), get_account_id())
    if ecs._clusters.get(ecs._resolve_cluster_name(arn)) is None:
        raise EcsError("ClusterNotFoundException", "Cluster not found.")
    return arn


def _find(reference: str, cluster: str) -> Json | None:
    record = ecs._tasks.get(task_arn(reference, cluster, get_region(), get_account_id()))
    return record if record and record["clusterArn"] == cluster else None


def _listed(record: Json, cluster: str, data: Json) -> bool:
    family = record["taskDefinitionArn"].rsplit("/", 1)[-1].rsplit(":", 1)[0]
    return (
        record["clusterArn"] == cluster
        and record["desiredStatus"] == (data.get("desiredStatus") or "RUNNING")
        and data.get("family") in (None, "", family)
        and data.get("startedBy") in (None, "", record.get("startedBy"))
        and data.get("launchType") in (None, "", record.get("launchType"))
        and (not data.get("serviceName") or record["group"] == f"service:{data['serviceName']}")
    )

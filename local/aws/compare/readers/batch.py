"""Compute environments, job queues, job definitions (AWS Batch API Reference)."""

from typing import Any

from local.aws.compare.readers.base import Deployed, Json, Reader, template_names

_FREE = frozenset({"Options", "Tags", "Parameters"})


def _environment(clients: Any, arn: str, own: Json) -> Deployed:
    [found] = clients("batch").describe_compute_environments(computeEnvironments=[arn])["computeEnvironments"]
    return Deployed(template_names(found, _FREE), {"ComputeEnvironmentArn": arn})


def _queue(clients: Any, arn: str, own: Json) -> Deployed:
    [found] = clients("batch").describe_job_queues(jobQueues=[arn])["jobQueues"]
    return Deployed(template_names(found, _FREE), {"JobQueueArn": arn})


def _definition(clients: Any, arn: str, own: Json) -> Deployed:
    [found] = clients("batch").describe_job_definitions(jobDefinitions=[arn])["jobDefinitions"]
    return Deployed(template_names(found, _FREE), {"JobDefinitionArn": arn})


READERS: dict[str, Reader] = {
    "AWS::Batch::ComputeEnvironment": _environment,
    "AWS::Batch::JobQueue": _queue,
    "AWS::Batch::JobDefinition": _definition,
}

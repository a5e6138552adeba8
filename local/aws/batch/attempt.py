"""One attempt of a job as the ECS task that Batch runs it in, and how it ended.

Source: AWS Batch User Guide, "Job environment variables", "Automated job retries" (status reasons of Spot), "Using the
awslogs log driver" (group /aws/batch/job, stream <job definition>/default/<task id>).
"""

import uuid
from fnmatch import fnmatchcase
from typing import Any

from local.aws.batch.definition_checks import requirement
from local.aws.batch.job import Job
from local.aws.batch.names import name_of
from local.aws.ecs.records import new_record

Json = dict[str, Any]
CONTAINER = "default"
DEFAULT_LOG_GROUP = "/aws/batch/job"
_SECRET_MEMBERS = ("secrets", "mountPoints", "linuxParameters", "user", "readonlyRootFilesystem", "image", "command")


def task_of(job: Job, environment: Json, number: int) -> tuple[Json, Json, Json]:
    """(record, definition, network) of the ECS task for attempt `number` (from 1) in a compute environment."""
    resources, container = environment["computeResources"], job.request["container"]
    kind = str(resources["type"])
    definition = _definition(job, environment, number)
    cluster = {"clusterArn": environment["ecsClusterArn"]}
    task_arn = environment["ecsClusterArn"].replace(":cluster/", ":task/") + "/" + uuid.uuid4().hex
    launch_type = "FARGATE" if kind.startswith("FARGATE") else "EC2"
    record = new_record(task_arn, {}, definition, cluster, (launch_type, kind))
    record["group"] = f"job:{job.id}"
    if launch_type == "EC2":
        instance = f"i-{uuid.uuid5(uuid.NAMESPACE_URL, environment['computeEnvironmentArn']).hex[:17]}"
        record["containerInstanceArn"] = (
            cluster["clusterArn"].replace(":cluster/", ":container-instance/") + f"/{instance[2:]}"
        )
        record["ec2InstanceId"] = instance
    if container.get("ephemeralStorage"):
        record["ephemeralStorage"] = record["fargateEphemeralStorage"] = container["ephemeralStorage"]
    network = {"subnets": resources["subnets"][:1], "groups": resources.get("securityGroupIds") or []}
    return record, definition, network


def begun(record: Json, definition: Json) -> Json:
    """What the job tells of its running attempt."""
    options = definition["containerDefinitions"][0]["logConfiguration"].get("options") or {}
    task_id = record["taskArn"].rsplit("/", 1)[-1]
    stream = f"{options.get('awslogs-stream-prefix', '')}/{CONTAINER}/{task_id}".lstrip("/")
    told = {"taskArn": record["taskArn"], "logStreamName": stream, "networkInterfaces": []}
    if "containerInstanceArn" in record:
        told["containerInstanceArn"] = record["containerInstanceArn"]
    return told


def ended(job: Job, record: Json) -> Json:
    """The attempt as JobDetail lists it (AttemptDetail)."""
    container = record["containers"][0]
    told = dict(job.attempt)
    if "exitCode" in container:
        told["exitCode"] = container["exitCode"]
    if "reason" in container:
        told["reason"] = container["reason"]
    return {
        "container": told,
        "startedAt": job.started if record.get("startedAt") else 0,
        "stoppedAt": int(record["stoppedAt"] * 1000),
        "statusReason": job.ending.reason if job.ending else _reason(record),
    }


def will_retry(job: Job) -> bool:
    """Whether the retry strategy gives the failed job another attempt."""
    if job.ending and job.ending.final:
        return False
    strategy, last = job.request["retryStrategy"], job.attempts[-1]
    if len(job.attempts) >= strategy["attempts"]:
        return False
    for condition in strategy["evaluateOnExit"] or []:
        if _matches(condition, last):
            return str(condition["action"]).upper() == "RETRY"
    return True


def _definition(job: Job, environment: Json, number: int) -> Json:
    container = job.request["container"]
    family, _, revision = name_of(job.request["jobDefinition"]).partition(":")
    vcpus = requirement(container, "VCPU") or str(container.get("vcpus"))
    memory = requirement(container, "MEMORY") or str(container.get("memory"))
    log = container.get("logConfiguration") or {"logDriver": "awslogs"}
    if log["logDriver"] == "awslogs":
        default = {"awslogs-group": DEFAULT_LOG_GROUP, "awslogs-stream-prefix": family, "awslogs-create-group": "true"}
        given = log.get("options") or {}
        log = {**log, "options": given if "awslogs-group" in given else {**default, **given}}
    made = {
        "name": CONTAINER,
        "essential": True,
        "memory": int(memory),
        "environment": [*container["environment"], *_variables(job, environment, number)],
        "logConfiguration": log,
        **{member: container[member] for member in _SECRET_MEMBERS if container.get(member)},
    }
    return {
        "family": family,
        "revision": int(revision),
        "taskDefinitionArn": environment["ecsClusterArn"].rsplit(":", 1)[0] + f":task-definition/{family}:{revision}",
        "cpu": str(int(float(vcpus) * 1024)),
        "memory": memory,
        "taskRoleArn": container.get("jobRoleArn"),
        "executionRoleArn": container.get("executionRoleArn"),
        "volumes": container["volumes"],
        "runtimePlatform": container.get("runtimePlatform"),
        "containerDefinitions": [made],
    }


def _variables(job: Job, environment: Json, number: int) -> list[Json]:
    variables = {
        "AWS_BATCH_JOB_ID": job.id,
        "AWS_BATCH_JOB_ATTEMPT": str(number),
        "AWS_BATCH_JQ_NAME": name_of(job.request["jobQueue"]),
        "AWS_BATCH_CE_NAME": environment["computeEnvironmentName"],
    }
    if job.parent:
        variables["AWS_BATCH_JOB_ARRAY_INDEX"] = str(job.index)
        variables["AWS_BATCH_JOB_ARRAY_SIZE"] = str(job.parent.size)
    return [{"name": name, "value": value} for name, value in variables.items()]


def _reason(record: Json) -> str:
    """On EC2, Batch sees its host go; on Fargate it passes on what ECS says."""
    if record.get("stopCode") in ("SpotInterruption", "TerminationNotice") and "ec2InstanceId" in record:
        return f"Host EC2 (instance {record['ec2InstanceId']}) terminated."
    return str(record.get("stoppedReason") or "Essential container in task exited")


def _matches(condition: Json, attempt: Json) -> bool:
    """All given patterns must match; a pattern may end in `*`."""
    container = attempt["container"]
    seen = {
        "onStatusReason": attempt["statusReason"],
        "onReason": container.get("reason", ""),
        "onExitCode": str(container.get("exitCode", "")),
    }
    return all(fnmatchcase(seen[name], _literal(condition[name])) for name in seen if condition.get(name))


def _literal(pattern: str) -> str:
    """Only the asterisk at the end is special."""
    star = "*" if pattern.endswith("*") else ""
    text = pattern.removesuffix("*")
    return "".join(f"[{c}]" if c in "*?[" else c for c in text) + star

"""The Task document that DescribeTasks answers, and its changes of state.

Source: Amazon ECS API Reference, Task and Container; Developer Guide, "Task lifecycle" (PROVISIONING, PENDING, RUNNING,
DEACTIVATING, STOPPING, DEPROVISIONING, STOPPED) and "Stopped tasks error codes". Times are seconds since the epoch.
"""

import copy
import time
import uuid
from typing import Any

from local.aws.ecs.placement import Placement

Json = dict[str, Any]


def new_record(task_arn: str, data: Json, definition: Json, cluster: Json, capacity: Placement) -> Json:
    """A task that RunTask just accepted."""
    launch_type, provider = capacity
    overrides = copy.deepcopy(data.get("overrides") or {})
    now = time.time()
    storage = overrides.get("ephemeralStorage") or definition.get("ephemeralStorage") or {"sizeInGiB": 20}
    subnets = ((data.get("networkConfiguration") or {}).get("awsvpcConfiguration") or {}).get("subnets") or []
    record = {
        "taskArn": task_arn,
        "clusterArn": cluster["clusterArn"],
        "taskDefinitionArn": definition["taskDefinitionArn"],
        "group": data.get("group") or f"family:{definition['family']}",
        "startedBy": data.get("startedBy"),
        "lastStatus": "PROVISIONING",
        "desiredStatus": "RUNNING",
        "launchType": launch_type,
        "capacityProviderName": provider,
        "cpu": str(overrides.get("cpu") or definition.get("cpu", "")),
        "memory": str(overrides.get("memory") or definition.get("memory", "")),
        "ephemeralStorage": storage if launch_type == "FARGATE" else None,
        "fargateEphemeralStorage": storage if launch_type == "FARGATE" else None,
        "platformVersion": "1.4.0" if launch_type == "FARGATE" else None,
        "platformFamily": "Linux" if launch_type == "FARGATE" else None,
        "availabilityZone": cluster["clusterArn"].split(":")[3] + "a",
        "overrides": {"containerOverrides": [], "inferenceAcceleratorOverrides": [], **overrides},
        "attachments": [_attachment(subnets[0])] if subnets else [],
        "attributes": [{"name": "ecs.cpu-architecture", "value": _architecture(definition)}],
        "containers": [_container(task_arn, container) for container in definition["containerDefinitions"]],
        "createdAt": now,
        "enableExecuteCommand": bool(data.get("enableExecuteCommand")),
        "healthStatus": "UNKNOWN",
        "tags": [],
        "version": 1,
    }
    return {key: value for key, value in record.items() if value is not None}


def advance(record: Json, status: str) -> None:
    """Move the task to a state and stamp the time that belongs to it."""
    now = time.time()
    if status == "PENDING":
        record["connectivity"], record["connectivityAt"] = "CONNECTED", now
        record["pullStartedAt"] = now
    if status == "RUNNING":
        record["pullStoppedAt"] = record["startedAt"] = now
    if status == "STOPPED":
        record.setdefault("stoppingAt", now)
        record["stoppedAt"] = now
        record["desiredStatus"] = "STOPPED"
    record["lastStatus"] = status
    record["version"] += 1


def want_stopped(record: Json, code: str, reason: str) -> None:
    """The task is to stop, and why; the first reason stays."""
    if record["desiredStatus"] != "STOPPED":
        record.update(desiredStatus="STOPPED", stopCode=code, stoppedReason=reason, stoppingAt=time.time())
        record["version"] += 1


def public(record: Json) -> Json:
    """A copy for an answer (the agent's thread may change the record meanwhile: each copy below is one step)."""
    document = dict(record)
    document["containers"] = [dict(container) for container in list(document["containers"])]
    return document


def _container(task_arn: str, definition: Json) -> Json:
    return {
        "containerArn": task_arn.replace(":task/", ":container/") + f"/{uuid.uuid4()}",
        "taskArn": task_arn,
        "name": definition["name"],
        "image": definition["image"],
        "lastStatus": "PENDING",
        "networkBindings": [],
        "networkInterfaces": [],
        "healthStatus": "UNKNOWN",
        "cpu": str(definition.get("cpu", 0)),
        **({"memory": str(definition["memory"])} if definition.get("memory") else {}),
    }


def _attachment(subnet: str) -> Json:
    details = [{"name": "subnetId", "value": subnet}, {"name": "privateIPv4Address", "value": "127.0.0.1"}]
    return {"id": str(uuid.uuid4()), "type": "ElasticNetworkInterface", "status": "ATTACHED", "details": details}


def _architecture(definition: Json) -> str:
    return str((definition.get("runtimePlatform") or {}).get("cpuArchitecture", "X86_64")).lower()

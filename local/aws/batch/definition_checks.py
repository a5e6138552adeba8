"""What RegisterJobDefinition refuses.

Source: AWS Batch API Reference, ContainerProperties and ResourceRequirement (VCPU and MEMORY pairs of Fargate; whole
vCPUs on EC2; GPU on EC2 only); User Guide, "Fargate compute environments" (execution role, no privileged containers,
no host volumes), RetryStrategy (1-10 attempts, 5 conditions), JobTimeout (at least 60 s).
"""

from typing import Any

from local.aws.batch.errors import BatchError
from local.aws.ecs.errors import EcsError
from local.aws.ecs.sizes import check_fargate_size

Json = dict[str, Any]
_ACTIONS = ("RETRY", "EXIT")


def check_definition(data: Json) -> None:
    """Raise BatchError for a job definition that AWS would refuse."""
    if data.get("type") != "container":
        _refuse(f"type {data.get('type')!r}: the local AWS runs container jobs only")
    container = data.get("containerProperties")
    if not container:
        _refuse("containerProperties must be set for container jobs; ecsProperties and eksProperties are not supported")
    platforms = data.get("platformCapabilities") or ["EC2"]
    if len(platforms) != 1 or platforms[0] not in ("EC2", "FARGATE"):
        _refuse("platformCapabilities must be one of EC2, FARGATE")
    if not container.get("image"):
        _refuse("container image must be set")
    check_requirements(container, platforms[0] == "FARGATE")
    if platforms[0] == "FARGATE":
        _check_fargate(container)
    elif container.get("fargatePlatformConfiguration") or container.get("networkConfiguration"):
        _refuse("fargatePlatformConfiguration and networkConfiguration are for jobs on Fargate only")
    check_retries(data.get("retryStrategy") or {})
    check_timeout(data.get("timeout") or {})


def requirement(container: Json, kind: str) -> str | None:
    """The value of VCPU, MEMORY or GPU, None if it is not given."""
    found = [one["value"] for one in container.get("resourceRequirements") or [] if one.get("type") == kind]
    return str(found[0]) if found else None


def check_requirements(container: Json, fargate: bool) -> None:
    """vCPUs and memory, after overrides as well."""
    vcpus = requirement(container, "VCPU") or container.get("vcpus")
    memory = requirement(container, "MEMORY") or container.get("memory")
    if not vcpus or not memory:
        _refuse("resourceRequirements must contain VCPU and MEMORY")
    try:
        units, mebibytes = float(str(vcpus)) * 1024, int(str(memory))
    except ValueError:
        _refuse(f"VCPU {vcpus!r} and MEMORY {memory!r} must be numbers")
    gpus = requirement(container, "GPU")
    if fargate:
        if gpus:
            _refuse("GPU resource requirement is not applicable to Fargate")
        try:
            check_fargate_size(str(int(units)) if units == int(units) else str(units), str(mebibytes))
        except EcsError:
            _refuse(f"Fargate resource requirements ({vcpus} vCPU, {memory} MiB) not valid.")
        return
    if units % 1024 or units < 1024:
        _refuse(f"VCPU {vcpus} must be a whole number of at least 1 on EC2")
    if mebibytes < 4:
        _refuse("MEMORY must be at least 4 MiB")
    if gpus and (not gpus.isdigit() or int(gpus) < 1):
        _refuse(f"GPU {gpus} must be a whole number of at least 1")


def check_retries(strategy: Json) -> None:
    """1 to 10 attempts; up to 5 conditions, each with something to match and an action."""
    attempts = strategy.get("attempts", 1)
    if not isinstance(attempts, int) or not 1 <= attempts <= 10:
        _refuse("retry attempts must be between 1 and 10")
    conditions = strategy.get("evaluateOnExit") or []
    if conditions and "attempts" not in strategy:
        _refuse("attempts must be specified with evaluateOnExit")
    if len(conditions) > 5:
        _refuse("evaluateOnExit can have at most 5 conditions")
    for condition in conditions:
        if str(condition.get("action", "")).upper() not in _ACTIONS:
            _refuse("evaluateOnExit action must be RETRY or EXIT")
        patterns = [condition.get(name) for name in ("onStatusReason", "onReason", "onExitCode")]
        if not any(patterns):
            _refuse("evaluateOnExit needs one of onStatusReason, onReason, onExitCode")
        if any("*" in str(pattern or "")[:-1] for pattern in patterns):
            _refuse("evaluateOnExit patterns can have an asterisk (*) at their end only")


def check_timeout(timeout: Json) -> None:
    """At least 60 seconds."""
    seconds = timeout.get("attemptDurationSeconds")
    if seconds is not None and (not isinstance(seconds, int) or seconds < 60):
        _refuse("attemptDurationSeconds must be at least 60")


def _check_fargate(container: Json) -> None:
    if not container.get("executionRoleArn"):
        _refuse("executionRoleArn is required for Fargate jobs")
    if container.get("privileged"):
        _refuse("privileged containers cannot run on Fargate")
    if container.get("instanceType"):
        _refuse("instanceType is not applicable to Fargate")
    for volume in container.get("volumes") or []:
        if (volume.get("host") or {}).get("sourcePath"):
            _refuse("host volumes with a source path are not applicable to Fargate")
    linux = container.get("linuxParameters") or {}
    for member in ("devices", "maxSwap", "sharedMemorySize", "swappiness", "tmpfs"):
        if linux.get(member):
            _refuse(f"linuxParameters.{member} is not applicable to Fargate")
    storage = (container.get("ephemeralStorage") or {}).get("sizeInGiB")
    if storage is not None and not (isinstance(storage, int) and 21 <= storage <= 200):
        _refuse(f"ephemeralStorage {storage} must be between 21 and 200 GiB")
    log = (container.get("logConfiguration") or {}).get("logDriver")
    if log not in (None, "awslogs", "splunk"):
        _refuse(f"log driver {log} cannot be used on Fargate (allowed: awslogs, splunk)")


def _refuse(reason: str) -> None:
    raise BatchError(f"Error executing request, Exception : {reason}.")

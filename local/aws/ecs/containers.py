"""One container of a task after overrides (Amazon ECS API Reference, ContainerDefinition and ContainerOverride)."""

from pathlib import Path
from typing import Any

from local.aws.ecs.runtime import ContainerSpec, StartError

Json = dict[str, Any]


def container_spec(
    task: Json, definition: Json, container: Json, injected: dict[str, str], scratch: Path
) -> ContainerSpec:
    """Everything a runtime needs. injected: credentials, secrets and so on, set after the given variables."""
    for unsupported in ("dependsOn", "environmentFiles", "volumesFrom"):
        if container.get(unsupported):
            raise StartError(f"ResourceInitializationError: {unsupported} is not supported by the local task runtimes")
    overrides = task["overrides"].get("containerOverrides") or []
    override = next((one for one in overrides if one.get("name") == container["name"]), {})
    environment = {
        pair["name"]: str(pair["value"])
        for pair in [*(container.get("environment") or []), *(override.get("environment") or [])]
    }
    linux = container.get("linuxParameters") or {}
    return ContainerSpec(
        task_id=task["taskArn"].rsplit("/", 1)[-1],
        name=container["name"],
        image=container["image"],
        command=tuple(override.get("command") or container.get("command") or ()),
        entry_point=tuple(container.get("entryPoint") or ()),
        environment=environment | injected,
        memory_mib=_memory_mib(task, container, override),
        cpu_units=int(override.get("cpu") or container.get("cpu") or task["cpu"] or 1024),
        scratch=scratch,
        read_only_root=bool(container.get("readonlyRootFilesystem")),
        working_directory=container.get("workingDirectory", ""),
        user=container.get("user", ""),
        writable_paths=_writable(definition, container),
        drop_capabilities=tuple((linux.get("capabilities") or {}).get("drop") or ()),
        init_process=bool(linux.get("initProcessEnabled")),
    )


def _memory_mib(task: Json, container: Json, override: Json) -> int:
    """The container's hard limit; without one the task's memory is the limit."""
    return int(override.get("memory") or container.get("memory") or task["memory"] or 512)


def _writable(definition: Json, container: Json) -> tuple[str, ...]:
    volumes = {volume.get("name") for volume in definition.get("volumes") or []}
    return tuple(
        point["containerPath"]
        for point in container.get("mountPoints") or []
        if point.get("sourceVolume") in volumes and not point.get("readOnly")
    )

"""What a runtime must offer to run a container of a task. Two exist: processes.py and engines.py."""

from dataclasses import dataclass, field
from pathlib import Path
from subprocess import Popen
from typing import Protocol


class StartError(Exception):
    """The container could not be started; the text is the ECS reason (CannotPullContainerError: …, and so on)."""


@dataclass(frozen=True)
class ContainerSpec:
    """One container of one task, after overrides and with its secrets: all that a runtime needs."""

    task_id: str
    name: str
    image: str
    command: tuple[str, ...]  # empty: the image's own
    entry_point: tuple[str, ...]  # empty: the image's own
    environment: dict[str, str] = field(repr=False)
    memory_mib: int
    cpu_units: int
    scratch: Path
    read_only_root: bool = False
    working_directory: str = ""
    user: str = ""
    writable_paths: tuple[str, ...] = ()  # mount points of the task's volumes
    drop_capabilities: tuple[str, ...] = ()
    init_process: bool = False


@dataclass(frozen=True)
class Exit:
    """How a container ended: exit code as ECS reports it (128 + signal number when killed)."""

    code: int
    out_of_memory: bool = False


class Container(Protocol):
    """A started container. `process` is what the agent waits for; its stdout carries the container's output."""

    process: Popen[bytes]

    def terminate(self) -> None:
        """Ask the container to end (SIGTERM)."""

    def kill(self) -> None:
        """End it and everything it started (SIGKILL)."""

    def exit(self) -> Exit:
        """How it ended; called once after `process` has ended. Kills what it left running."""

    def memory_bytes(self) -> int | None:
        """Memory in use now, or None when the runtime limits memory itself."""

    def out_of_memory(self) -> None:
        """The memory limit was passed: kill it and remember why."""


class Runtime(Protocol):
    """Starts containers."""

    def start(self, spec: ContainerSpec) -> Container:
        """Start it. Raises StartError with ECS's reason."""

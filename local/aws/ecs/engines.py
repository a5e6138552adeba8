"""The container runtime: podman or docker, driven by its command line, in the foreground.

The image of the images file stands for the pulled one. Read-only root with a writable volume at each mount point,
memory and CPU limits, the host's network (credentials come from 127.0.0.1, the only host SDKs accept over http).
"""

import json
import signal
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path
from subprocess import DEVNULL, PIPE, STDOUT, Popen
from typing import Any

from local.aws.ecs.runtime import ContainerSpec, Exit, StartError

# podman 4 as root works with runc and with limits that a nested environment allows (measured; crun did not).
# podman adds a writable /tmp to a read-only root unless told otherwise; Fargate does not.
_ENGINE_FLAGS = {
    "podman": ["--runtime", "runc", "--ulimit", "nofile=1024:2048", "--ulimit", "nproc=1000:1000"],
    "docker": [],
}
_READ_ONLY = {"podman": ["--read-only", "--read-only-tmpfs=false"], "docker": ["--read-only"]}
_KILLED = 137
_SECONDS = 120  # for one command of the engine
_known_images: set[tuple[str, str]] = set()  # (engine, image) pairs that were found once


class EngineContainer:
    """A container started by `engine run`; that client process is what we wait for."""

    def __init__(self, engine: str, name: str, process: Popen[bytes], environment_file: Path) -> None:
        self.process = process
        self._engine, self._name, self._environment_file = engine, name, environment_file
        self._out_of_memory = self._killed = False

    def terminate(self) -> None:
        """SIGTERM to the container's first process."""
        self._signal("TERM")

    def kill(self) -> None:
        """SIGKILL to the container."""
        self._killed = True
        self._signal("KILL")

    def exit(self) -> Exit:
        """Exit code and out-of-memory flag from the engine's record; then the container is removed."""
        self._environment_file.unlink(missing_ok=True)
        shown = _call(self._engine, "inspect", "--format", "{{json .State}}", self._name)
        state = json.loads(shown.stdout) if shown.returncode == 0 else {}
        _call(self._engine, "rm", "-f", self._name)
        client = self.process.returncode
        code = int(state.get("ExitCode", 128 - client if client < 0 else client))
        # podman on cgroup v1 does not set OOMKilled; but who else than the kernel kills a container that we did not?
        by_kernel = bool(state.get("OOMKilled")) or (code == _KILLED and not self._killed)
        return Exit(code, (self._out_of_memory and code == _KILLED) or by_kernel)

    def memory_bytes(self) -> int | None:
        """The engine limits memory itself."""
        return None

    def out_of_memory(self) -> None:
        """The fault switch asks for it; an engine's own limit shows in its record."""
        self._out_of_memory = True
        self.kill()

    def _signal(self, name: str) -> None:
        """In another thread: an engine takes a tenth of a second for a command."""

        def signalling() -> None:
            if _call(self._engine, "kill", "--signal", name, self._name).returncode and self.process.poll() is None:
                # Not started yet: end the client, which starts nothing then.
                self.process.send_signal(getattr(signal, f"SIG{name}"))

        threading.Thread(target=signalling, name=f"tasklane-{name.lower()}").start()


class EngineRuntime:
    """Starts containers from an images-file entry."""

    def __init__(self, settings: dict[str, Any], mark: str, engine_used: Callable[[str], None]) -> None:
        self._engine = str(settings.get("engine", settings.get("runtime", "podman")))
        self._image = str(settings.get("image", ""))
        self._mark, self._engine_used = mark, engine_used

    def start(self, spec: ContainerSpec) -> EngineContainer:
        """Start it. Raises StartError when the engine is missing or does not know the image."""
        self._check_image()
        self._engine_used(self._engine)
        name = f"tasklane-{spec.task_id}-{spec.name}"
        for folder in (spec.scratch, *self._volumes(spec).values()):
            folder.mkdir(parents=True, exist_ok=True)
            folder.chmod(0o777)  # the image's user is not ours; the folder above is private
        environment = spec.scratch / "environment"
        environment.touch(mode=0o600)
        environment.write_text("".join(f"{key}={_one_line(key, value)}\n" for key, value in spec.environment.items()))
        options = ["--name", name, *self._flags(spec), "--env-file", str(environment)]
        process = Popen(
            [self._engine, "run", *options, self._image, *spec.entry_point[1:], *spec.command],
            stdin=DEVNULL,
            stdout=PIPE,
            stderr=STDOUT,
            start_new_session=True,
        )
        return EngineContainer(self._engine, name, process, environment)

    def _check_image(self) -> None:
        if (self._engine, self._image) in _known_images:
            return
        try:
            known = _call(self._engine, "image", "inspect", self._image)
        except OSError as error:
            raise StartError(f"CannotPullContainerError: no container engine {self._engine!r}: {error}") from error
        if known.returncode:
            raise StartError(f"CannotPullContainerError: {self._engine} has no image {self._image}")
        _known_images.add((self._engine, self._image))

    @staticmethod
    def _volumes(spec: ContainerSpec) -> dict[str, Path]:
        """A folder of its own for each writable mount point."""
        return {path: spec.scratch / f"volume-{index}" for index, path in enumerate(spec.writable_paths)}

    def _flags(self, spec: ContainerSpec) -> list[str]:
        flags = [*_ENGINE_FLAGS.get(self._engine, []), "--network", "host", "--pull", "never"]
        flags += ["--label", f"tasklane.emulator={self._mark}", "--cpus", f"{spec.cpu_units / 1024:g}"]
        flags += ["--memory", f"{spec.memory_mib}m", "--memory-swap", f"{spec.memory_mib}m"]
        flags += [word for path, folder in self._volumes(spec).items() for word in ("--volume", f"{folder}:{path}")]
        flags += [word for capability in spec.drop_capabilities for word in ("--cap-drop", capability)]
        flags += _READ_ONLY.get(self._engine, ["--read-only"]) if spec.read_only_root else []
        flags += ["--init"] if spec.init_process else []
        flags += ["--user", spec.user] if spec.user else []
        flags += ["--workdir", spec.working_directory] if spec.working_directory else []
        flags += ["--entrypoint", spec.entry_point[0]] if spec.entry_point else []
        return flags


def _call(engine: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([engine, *arguments], capture_output=True, text=True, timeout=_SECONDS, check=False)


def _one_line(name: str, value: str) -> str:
    """Values go to the engine in a private file, a line each (on the command line everybody could read them)."""
    if "\n" in value:
        raise StartError(f"ResourceInitializationError: variable {name} has several lines; the local engines take one")
    return value

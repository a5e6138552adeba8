"""The container runtime: podman or docker, driven by its command line, in the foreground.

The image of the images file stands for the pulled one. Read-only root with a writable volume at each mount point,
memory and CPU limits, the host's network (credentials come from 127.0.0.1, the only host SDKs accept over http).
"""

import json
import signal
import subprocess
from collections.abc import Callable
from subprocess import DEVNULL, PIPE, STDOUT, Popen
from typing import Any

from local.aws.ecs.runtime import ContainerSpec, Exit, StartError

# podman 4 as root works with runc and with limits that a nested environment allows (measured; crun did not).
_ENGINE_FLAGS = {
    "podman": ["--runtime", "runc", "--ulimit", "nofile=1024:2048", "--ulimit", "nproc=1000:1000"],
    "docker": [],
}


class EngineContainer:
    """A container started by `engine run`; that client process is what we wait for."""

    def __init__(self, engine: str, name: str, process: Popen[bytes], environment_file: Callable[[], None]) -> None:
        self.process = process
        self._engine, self._name, self._forget_environment = engine, name, environment_file

    def terminate(self) -> None:
        """SIGTERM to the container's first process."""
        self._signal("TERM")

    def kill(self) -> None:
        """SIGKILL to the container."""
        self._signal("KILL")

    def exit(self) -> Exit:
        """Exit code and out-of-memory flag from the engine's record; then the container is removed."""
        self._forget_environment()
        shown = self._engine_call("inspect", "--format", "{{json .State}}", self._name)
        state = json.loads(shown.stdout) if shown.returncode == 0 else {}
        self._engine_call("rm", "-f", self._name)
        code = int(state.get("ExitCode", self.process.returncode if self.process.returncode >= 0 else 137))
        return Exit(code, bool(state.get("OOMKilled")))

    def memory_bytes(self) -> int | None:
        """The engine limits memory itself."""
        return None

    def out_of_memory(self) -> None:
        """Never called: the engine reports it."""
        self.kill()

    def _signal(self, name: str) -> None:
        if self._engine_call("kill", "--signal", name, self._name).returncode and self.process.poll() is None:
            # Not started yet: end the client, which starts nothing then.
            self.process.send_signal(getattr(signal, f"SIG{name}"))

    def _engine_call(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([self._engine, *arguments], capture_output=True, text=True, timeout=60, check=False)


class EngineRuntime:
    """Starts containers from an images-file entry."""

    def __init__(self, settings: dict[str, Any], mark: str, engine_used: Callable[[str], None]) -> None:
        self._engine = str(settings.get("engine", settings.get("runtime", "podman")))
        self._image = str(settings.get("image", ""))
        self._mark, self._engine_used = mark, engine_used

    def start(self, spec: ContainerSpec) -> EngineContainer:
        """Start it. Raises StartError when the engine is missing or does not know the image."""
        name = f"tasklane-{spec.task_id}-{spec.name}"
        try:
            known = subprocess.run(
                [self._engine, "image", "inspect", self._image], capture_output=True, timeout=60, check=False
            )
        except OSError as error:
            raise StartError(f"CannotPullContainerError: no container engine {self._engine!r}: {error}") from error
        if known.returncode:
            raise StartError(f"CannotPullContainerError: {self._engine} has no image {self._image}")
        self._engine_used(self._engine)
        spec.scratch.mkdir(parents=True, mode=0o777)
        spec.scratch.chmod(0o777)  # the image's user is not ours
        environment = spec.scratch.with_suffix(".env")
        environment.touch(mode=0o600)
        environment.write_text("".join(f"{key}={value}\n" for key, value in spec.environment.items()))
        arguments = [self._engine, "run", "--name", name, *self._flags(spec), "--env-file", str(environment)]
        process = Popen(
            [*arguments, self._image, *spec.entry_point[1:], *spec.command],
            stdin=DEVNULL,
            stdout=PIPE,
            stderr=STDOUT,
            start_new_session=True,
        )
        return EngineContainer(self._engine, name, process, lambda: environment.unlink(missing_ok=True))

    def _flags(self, spec: ContainerSpec) -> list[str]:
        flags = [*_ENGINE_FLAGS.get(self._engine, []), "--network", "host", "--pull", "never"]
        flags += ["--label", f"tasklane.emulator={self._mark}", "--cpus", f"{spec.cpu_units / 1024:g}"]
        flags += ["--memory", f"{spec.memory_mib}m", "--memory-swap", f"{spec.memory_mib}m"]
        flags += [word for path in spec.writable_paths for word in ("--volume", f"{spec.scratch}:{path}")]
        flags += [word for capability in spec.drop_capabilities for word in ("--cap-drop", capability)]
        flags += ["--read-only"] if spec.read_only_root else []
        flags += ["--init"] if spec.init_process else []
        flags += ["--user", spec.user] if spec.user else []
        flags += ["--workdir", spec.working_directory] if spec.working_directory else []
        flags += ["--entrypoint", spec.entry_point[0]] if spec.entry_point else []
        return flags

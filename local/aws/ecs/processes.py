"""The process runtime: a container as an isolated process in the image's own virtual environment.

Same entry point, arguments and environment variables as the image; own session, private scratch folder, nothing of the
host's environment but PATH and LANG. What a container has and a process has not: another user, a read-only root, a CPU
limit, a network of its own. /scratch is the folder named by TASKLANE_SCRATCH and TMPDIR.
"""

import os
import signal
from pathlib import Path
from subprocess import DEVNULL, PIPE, STDOUT, Popen
from typing import Any

from local.aws.ecs.dockerfile import DockerfileError, ImagePlan, read_plan
from local.aws.ecs.memory import session_memory_bytes
from local.aws.ecs.runtime import ContainerSpec, Exit, StartError


class ProcessContainer:
    """A running process and its session."""

    def __init__(self, process: Popen[bytes]) -> None:
        self.process = process
        self._out_of_memory = False

    def terminate(self) -> None:
        """SIGTERM to the main process, as an engine does: it decides about its children."""
        self.process.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """SIGKILL to the whole group."""
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            return

    def exit(self) -> Exit:
        """The exit code in container form; what the process left in its group is killed."""
        self.kill()
        code = self.process.returncode
        # Told to die for its memory, it may have ended by itself a moment before.
        return Exit(128 - code if code < 0 else code, self._out_of_memory and code == -signal.SIGKILL)

    def memory_bytes(self) -> int | None:
        """Anonymous memory of the session."""
        return session_memory_bytes(self.process.pid)

    def out_of_memory(self) -> None:
        """Kill it as the kernel kills a container over its limit."""
        self._out_of_memory = True
        self.kill()


class ProcessRuntime:
    """Starts processes from an images-file entry."""

    def __init__(self, settings: dict[str, Any], cache: Path) -> None:
        self._python = Path(str(settings.get("python", ""))).absolute()  # not resolved: the link marks the environment
        self._dockerfile = Path(str(settings.get("dockerfile", ""))).absolute()
        self._cache = cache

    def start(self, spec: ContainerSpec) -> ProcessContainer:
        """Start it. Raises StartError with ECS's reasons."""
        plan = self._plan()
        command = spec.command or (plan.command if not spec.entry_point else ())
        words = [*(spec.entry_point or plan.entry_point), *command]
        spec.scratch.mkdir(parents=True, mode=0o700)
        try:
            process = Popen(
                self._argv(words, plan),
                cwd=self._directory(spec.working_directory or plan.working_directory, plan, spec.scratch),
                env=self._environment(spec, plan),
                stdin=DEVNULL,
                stdout=PIPE,
                stderr=STDOUT,
                start_new_session=True,
            )
        except OSError as error:
            raise StartError(f"CannotStartContainerError: {' '.join(words)!r}: {error}") from error
        return ProcessContainer(process)

    def _plan(self) -> ImagePlan:
        if not self._python.exists():
            raise StartError(f"CannotPullContainerError: no virtual environment at {self._python}")
        try:
            return read_plan(self._dockerfile)
        except (OSError, ValueError, DockerfileError) as error:
            raise StartError(f"CannotPullContainerError: {error}") from error

    def _argv(self, words: list[str], plan: ImagePlan) -> list[str]:
        """The image's program is the one of that name in the virtual environment, else the file that COPY brought."""
        program = self._python.parent / Path(words[0]).name
        if Path(words[0]).name.startswith("python"):
            program = self._python
        first = str(program) if program.exists() else words[0]
        return [str(plan.local_path(word) or word) if word.startswith("/") else word for word in [first, *words[1:]]]

    @staticmethod
    def _directory(wanted: str, plan: ImagePlan, scratch: Path) -> Path:
        local = plan.local_path(wanted)
        return local if local and local.is_dir() else scratch

    def _environment(self, spec: ContainerSpec, plan: ImagePlan) -> dict[str, str]:
        image = {name: self._translated(name, value, plan) for name, value in plan.environment.items()}
        sources = self._dockerfile.parent / "src"  # stands for `pip install .` when the Dockerfile installs the package
        if sources.is_dir() and str(sources) not in image.get("PYTHONPATH", "").split(os.pathsep):
            image["PYTHONPATH"] = os.pathsep.join(filter(None, [image.get("PYTHONPATH"), str(sources)]))
        # Bytecode is compiled once into a folder of ours: an image has it built in, the source tree stays clean.
        image.pop("PYTHONDONTWRITEBYTECODE", None)
        scratch = str(spec.scratch)
        return {
            **image,
            "PATH": os.pathsep.join([str(self._python.parent), os.environ.get("PATH", os.defpath)]),
            "LANG": os.environ.get("LANG", "C.UTF-8"),
            "HOME": scratch,
            "TMPDIR": scratch,
            "TASKLANE_SCRATCH": scratch,
            "PYTHONPYCACHEPREFIX": str(self._cache),
            **{name: value for name, value in spec.environment.items() if name not in ("TMPDIR", "HOME", "PATH")},
        }

    @staticmethod
    def _translated(name: str, value: str, plan: ImagePlan) -> str:
        if not name.endswith("PATH"):
            return value
        parts = [str(plan.local_path(part) or part) for part in value.split(":")]
        return os.pathsep.join(parts)

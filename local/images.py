"""Which program stands behind each image of the emulator: a container where an engine can build it, else a process.

Either way it is the image's own code, dependencies, entry point and environment; the emulator gives it the task role's
credentials and the task's memory limit. TASKLANE_ENGINE=process|podman|docker chooses; the default tries the engines.
A task of the lane docker is none of the emulator's: its image is built and named for the worker, which starts it.
"""

import json
import os
import subprocess
from pathlib import Path

from local.events import Events
from local.processes import LocalError
from local.state import ROOT
from ops.images.engines import build_options
from platform_spec.content import content_tag
from platform_spec.environments import Environment, load_environment
from platform_spec.naming import Names
from platform_spec.task_changes import tasks_of
from platform_spec.tasks import Task, with_image

ENGINES = ("podman", "docker")
BUILD_SECONDS = 900


def write_images(folder: Path, events: Events) -> Path:
    """Write the emulator's image list (its form: local/aws/ecs/images.py) and return its path."""
    wanted = os.environ.get("TASKLANE_ENGINE", "")
    if wanted not in ("", "process", *ENGINES):
        raise LocalError(f"TASKLANE_ENGINE={wanted}: allowed are process, {', '.join(ENGINES)}, or nothing (automatic)")
    engine, environment = _answering(wanted), load_environment("local", ROOT)
    images = {}
    for name, task in with_image(tasks_of(environment, ROOT)).items():
        if task.lane == "docker":
            _for_the_worker(engine if wanted in ENGINES else _engine_of_the_worker(), task, environment, events)
            continue
        entry = _container(engine, task, events, required=bool(wanted)) if engine else None
        images[f"tasklane-local/{name}"] = entry or _process(task)
        how = f"{engine} container" if entry else "process in its own virtual environment"
        events.tell("info", "images", f"{name}: {how}")
    target = folder / "images.json"
    target.write_text(json.dumps(images, indent=1))
    return target


def _engine_of_the_worker() -> str | None:
    """The command line that speaks to the engine the worker will: of the two, docker's alone reads DOCKER_HOST."""
    return _answering("", ENGINES[::-1] if os.environ.get("DOCKER_HOST") else ENGINES)


def _for_the_worker(engine: str | None, task: Task, environment: Environment, events: Events) -> None:
    """Build the image and give it the name that the deployment has for it: what is there is not pulled."""
    if engine is None:
        raise LocalError(
            f"{task.name}: lane docker needs a container engine, and neither {' nor '.join(ENGINES)} answers; start "
            f"one, or take [tasks.{task.name}] out of environments/local.toml"
        )
    built = _container(engine, task, events, required=True)
    assert built is not None  # noqa: S101 (required)
    registry = f"{environment.account}.dkr.ecr.{environment.region}.amazonaws.com"
    name = f"{registry}/{Names(environment).repository(task.name)}:{content_tag(task.folder, task.architecture)}"
    tagged = subprocess.run([engine, "tag", built["image"], name], capture_output=True, text=True, check=False)
    if tagged.returncode:
        raise LocalError(f"{task.name}: `{engine} tag` failed: {tagged.stderr.strip()}")
    events.tell("info", "images", f"{task.name}: {engine} container, started by the Airflow worker")


def _process(task: Task) -> dict[str, str]:
    own = (task.folder / "requirements.lock").exists()
    # The project's environment has Node.js too: the programs of an image are looked for beside its Python.
    python = ROOT / (f".venvs/{task.name}/bin/python" if own else ".venv/bin/python")
    return {"runtime": "process", "python": str(python), "dockerfile": str(task.folder / "Dockerfile")}


def _answering(wanted: str, order: tuple[str, ...] = ENGINES) -> str | None:
    """The first container engine that answers; LocalError when the one asked for does not."""
    for engine in () if wanted == "process" else (wanted,) if wanted else order:
        try:
            answer = subprocess.run([engine, "info"], capture_output=True, timeout=20, check=False)
        except (OSError, subprocess.TimeoutExpired):
            continue
        if answer.returncode == 0:
            return engine
    if wanted in ENGINES:
        raise LocalError(f"TASKLANE_ENGINE={wanted}: `{wanted} info` does not succeed; start it, or unset the variable")
    return None


def _container(engine: str, task: Task, events: Events, *, required: bool) -> dict[str, str] | None:
    """Build the image unless this very source was built before. None when it cannot be built here."""
    image = f"localhost/tasklane/{task.name}:{content_tag(task.folder, task.architecture)}"
    entry = {"runtime": engine, "engine": engine, "image": image}
    if subprocess.run([engine, "image", "inspect", image], capture_output=True, check=False).returncode == 0:
        return entry
    argv = [engine, "build", *build_options(), "--tag", image, str(task.folder)]
    try:
        built = subprocess.run(argv, capture_output=True, text=True, timeout=BUILD_SECONDS, check=False)
        reason = (built.stderr.strip() or built.stdout.strip() or "no message").splitlines()[-1]
    except subprocess.TimeoutExpired:
        built, reason = None, f"not done after {BUILD_SECONDS} s"
    if built is not None and built.returncode == 0:
        return entry
    if required:
        raise LocalError(f"{task.name}: `{' '.join(argv)}` failed: {reason}")
    events.tell("info", "images", f"{task.name}: {engine} cannot build it here ({reason[:160]})")
    return None

"""Which program stands behind each image of the emulator: a container where an engine can build it, else a process.

Either way it is the image's own code, dependencies, entry point and environment; the emulator gives it the task role's
credentials and the task's memory limit. TASKLANE_ENGINE=process|podman|docker chooses; the default tries the engines.
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
from platform_spec.environments import load_environment
from platform_spec.task_changes import tasks_of
from platform_spec.tasks import Task, with_image

ENGINES = ("podman", "docker")
BUILD_SECONDS = 900


def write_images(folder: Path, events: Events) -> Path:
    """Write the emulator's image list (its form: local/aws/ecs/images.py) and return its path."""
    wanted = os.environ.get("TASKLANE_ENGINE", "")
    if wanted not in ("", "process", *ENGINES):
        raise LocalError(f"TASKLANE_ENGINE={wanted}: allowed are process, {', '.join(ENGINES)}, or nothing (automatic)")
    engine = _answering(wanted)
    images = {}
    for name, task in with_image(tasks_of(load_environment("local", ROOT), ROOT)).items():
        entry = _container(engine, task, events, required=bool(wanted)) if engine else None
        images[f"tasklane-local/{name}"] = entry or _process(task)
        how = f"{engine} container" if entry else "process in its own virtual environment"
        events.tell("info", "images", f"{name}: {how}")
    target = folder / "images.json"
    target.write_text(json.dumps(images, indent=1))
    return target


def _process(task: Task) -> dict[str, str]:
    own = (task.folder / "requirements.lock").exists()
    # The project's environment has Node.js too: the programs of an image are looked for beside its Python.
    python = ROOT / (f".venvs/{task.name}/bin/python" if own else ".venv/bin/python")
    return {"runtime": "process", "python": str(python), "dockerfile": str(task.folder / "Dockerfile")}


def _answering(wanted: str) -> str | None:
    """The container engine that answers; LocalError when the one asked for does not."""
    for engine in () if wanted == "process" else (wanted,) if wanted else ENGINES:
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

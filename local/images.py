"""Which program stands behind each image of the emulator: a container where an engine can build it, else a process."""

import json
from pathlib import Path

from local.events import Events
from local.state import ROOT


def write_images(folder: Path, events: Events) -> Path:
    """Write the emulator's image list (its form: local/aws/ecs) and return its path."""
    images = {}
    for task in sorted(path.parent.name for path in (ROOT / "task_images").glob("*/task.toml")):
        python = ROOT / f".venvs/{task}/bin/python"
        images[f"tasklane-local/{task}"] = {
            "runtime": "process",
            "python": str(python),
            "dockerfile": str(ROOT / f"task_images/{task}/Dockerfile"),
        }
        events.tell("info", "images", f"{task}: process in its own virtual environment")
    target = folder / "images.json"
    target.write_text(json.dumps(images, indent=1))
    return target

"""What a container of an image would run, read from the image's Dockerfile instead of a built image.

Source: Dockerfile reference (ENTRYPOINT, CMD, ENV, WORKDIR, COPY; the last stage counts, with the stages it is built
FROM). Container paths are translated to this machine by the COPY instructions that made them.
"""

import json
import shlex
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from dockerfile_parse import DockerfileParser


class DockerfileError(Exception):
    """The Dockerfile does not say what to run in a form that works without a shell."""


@dataclass(frozen=True)
class ImagePlan:
    """The parts of an image's configuration that a process needs."""

    entry_point: tuple[str, ...]
    command: tuple[str, ...]
    working_directory: str
    environment: dict[str, str]
    copies: dict[str, Path] = field(default_factory=dict)  # path in the container -> path here

    def local_path(self, path: str) -> Path | None:
        """Where a container path lies on this machine, or None when no COPY made it."""
        wanted = PurePosixPath(path)
        for made in sorted(self.copies, key=len, reverse=True):
            if wanted.is_relative_to(made):
                return self.copies[made] / wanted.relative_to(made)
        return None


def read_plan(dockerfile: Path) -> ImagePlan:
    """Parse a Dockerfile; its folder is the build context. Raises DockerfileError or OSError."""
    parser = DockerfileParser(fileobj=dockerfile.open("rb"))
    plan = {"ENTRYPOINT": (), "CMD": (), "WORKDIR": "/"}
    environment: dict[str, str] = {}
    copies: dict[str, Path] = {}
    for instruction in _final_stage(parser.structure):
        name, value = instruction["instruction"], instruction["value"]
        if name in ("ENTRYPOINT", "CMD"):
            plan[name] = _exec_form(name, value, dockerfile)
        elif name == "WORKDIR":
            plan["WORKDIR"] = str(PurePosixPath(str(plan["WORKDIR"])) / _expand(value, environment))
        elif name == "ENV":
            environment.update({k: _expand(v, environment) for k, v in _pairs(value)})
        elif name in ("COPY", "ADD"):
            copies.update(_copied(_expand(value, environment), str(plan["WORKDIR"]), dockerfile.parent))
    if not plan["ENTRYPOINT"] and not plan["CMD"]:
        raise DockerfileError(f"{dockerfile}: neither ENTRYPOINT nor CMD")
    return ImagePlan(plan["ENTRYPOINT"], plan["CMD"], str(plan["WORKDIR"]), environment, copies)


def _final_stage(structure: list[dict]) -> list[dict]:
    """The instructions of the last stage, after those of the stages it builds on."""
    stages: dict[str, list[dict]] = {}
    name = ""
    for instruction in structure:
        if instruction["instruction"] == "FROM":
            words = [word for word in instruction["value"].split() if not word.startswith("--")]
            name = words[2] if len(words) > 2 and words[1].lower() == "as" else f"stage {len(stages)}"
            stages[name] = list(stages.get(words[0], []))
        elif name and instruction["instruction"] != "COMMENT":
            stages[name].append(instruction)
    return stages[name] if name else []


def _exec_form(instruction: str, value: str, dockerfile: Path) -> tuple[str, ...]:
    if not value.lstrip().startswith("["):
        raise DockerfileError(f'{dockerfile}: {instruction} {value!r} is in shell form; use the exec form ["…", "…"]')
    return tuple(json.loads(value))


def _pairs(value: str) -> list[tuple[str, str]]:
    if "=" not in value.split(maxsplit=1)[0]:
        name, _, rest = value.partition(" ")
        return [(name, rest.strip())]
    return [(name, rest) for name, _, rest in (word.partition("=") for word in shlex.split(value))]


def _expand(value: str, environment: dict[str, str]) -> str:
    for name, known in environment.items():
        value = value.replace(f"${{{name}}}", known).replace(f"${name}", known)
    return value


def _copied(value: str, working_directory: str, context: Path) -> dict[str, Path]:
    if "--from" in value:  # made by another stage: nothing on this machine
        return {}
    words = json.loads(value) if value.startswith("[") else value.split()
    *sources, target = [word for word in words if not word.startswith("--")]
    destination = PurePosixPath(working_directory) / target
    made: dict[str, Path] = {}
    for source in sources:
        origin = context / source
        inside = not origin.is_dir() and (target.endswith("/") or len(sources) > 1)
        made[str(destination / origin.name if inside else destination)] = origin
    return made

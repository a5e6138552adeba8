"""The image that a task's Dockerfile begins with: by name where it is declared, by digest where one is known.

`FROM ${BASE}` takes the default of `ARG BASE`, unless a build argument or TASKLANE_BUILD_OPTIONS names another.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Self

from platform_spec.tasks import Task

# OCI image specification, "Pre-Defined Annotation Keys"; podman and buildah write them into the manifest themselves.
NAME_KEY = "org.opencontainers.image.base.name"
DIGEST_KEY = "org.opencontainers.image.base.digest"
_DECLARED = re.compile(r"^ARG\s+BASE=(\S+)|^FROM\s+([^\s$]+)", re.MULTILINE)
_ARGUMENT = "--build-arg"


@dataclass(frozen=True)
class Base:
    """`name` with its tag, such as `docker.io/library/python:3.12`; `digest` is "" where nobody said it."""

    name: str
    digest: str = ""

    @classmethod
    def parse(cls, reference: str) -> Self:
        name, _, digest = reference.partition("@")
        return cls(name, digest)

    @property
    def labels(self) -> dict[str, str]:
        return {NAME_KEY: self.name, DIGEST_KEY: self.digest}


def declared_base(task: Task, arguments: Mapping[str, str], options: Sequence[str]) -> Base:
    """What a build with these arguments and options begins with."""
    found = _DECLARED.search((task.folder / "Dockerfile").read_text())
    default = (found[1] or found[2]) if found else ""
    return Base.parse({"BASE": default, **arguments, **_arguments(options)}["BASE"])


def recorded_base(annotations: Mapping[str, str], labels: Mapping[str, str]) -> Base:
    """What a built image says of itself."""
    said = {**labels, **annotations}
    return Base(said.get(NAME_KEY, ""), said.get(DIGEST_KEY, ""))


def _arguments(options: Sequence[str]) -> dict[str, str]:
    """NAME → VALUE of every `--build-arg NAME=VALUE` and `--build-arg=NAME=VALUE`."""
    given = [after for before, after in pairwise(options) if before == _ARGUMENT]
    given += [option.removeprefix(f"{_ARGUMENT}=") for option in options if option.startswith(f"{_ARGUMENT}=")]
    return dict(text.split("=", 1) for text in given if "=" in text)

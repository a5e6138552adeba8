"""The bill of materials of an image: CycloneDX JSON, from the lock the image is built from.

It names what pip installs, with the hashes that pip checks, and the base image; not the packages inside the base.
"""

import re
from datetime import datetime
from pathlib import Path
from typing import Any

from cyclonedx.model import HashAlgorithm, HashType
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL
from packaging.requirements import Requirement

from platform_spec.tasks import Task

MEDIA_TYPE = "application/vnd.cyclonedx+json"
LOCK = "requirements.lock"
_HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")
_BASE = re.compile(r"^ARG\s+BASE=(\S+)|^FROM\s+([^\s$]+)", re.MULTILINE)


def bill_of_materials(task: Task, tag: str, *, now: datetime) -> bytes:
    """The document as bytes. An image without requirements.lock has its base as only component."""
    bom = Bom()
    bom.metadata.component = Component(name=task.name, type=ComponentType.CONTAINER, version=tag)
    bom.metadata.timestamp = now
    for component in [*_base(task), *_locked(task.folder / LOCK)]:
        bom.components.add(component)
        bom.register_dependency(bom.metadata.component, [component])
    return JsonV1Dot6(bom).output_as_string(indent=1).encode()


def _locked(lock: Path) -> list[Component]:
    """One component per pin; pip's line continuations are joined first."""
    if not lock.exists():
        return []
    lines = lock.read_text().replace("\\\n", " ").splitlines()
    return [_package(line) for line in lines if line.strip() and not line.lstrip().startswith(("#", "-"))]


def _package(line: str) -> Component:
    requirement = Requirement(_HASH.sub("", line).split(" #")[0].strip())
    version = next((pin.version for pin in requirement.specifier if pin.operator == "=="), "")
    hashes: Any = [HashType(alg=HashAlgorithm.SHA_256, content=found) for found in _HASH.findall(line)]
    purl = PackageURL("pypi", name=requirement.name.lower().replace("_", "-"), version=version or None)
    return Component(
        name=requirement.name, version=version, type=ComponentType.LIBRARY, purl=purl, bom_ref=str(purl), hashes=hashes
    )


def _base(task: Task) -> list[Component]:
    """The image that the Dockerfile begins with, if it says so plainly."""
    found = _BASE.search((task.folder / "Dockerfile").read_text())
    if not found:
        return []
    name, _, version = (found[1] or found[2]).partition(":")
    return [Component(name=name, version=version, type=ComponentType.CONTAINER, bom_ref=f"base:{name}:{version}")]

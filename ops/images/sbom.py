"""The bill of materials of an image: CycloneDX JSON.

It names the base image by digest, the packages that Debian's package manager has in the built image, and what pip
installs from the lock, with the hashes that pip checks. What it cannot see it says: the property PACKAGES_PROPERTY.
"""

import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from cyclonedx.model import HashAlgorithm, HashType, Property
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL
from packaging.requirements import Requirement

from ops.images.base import Base
from ops.images.debian import STATUS, DebianPackage, installed_packages
from platform_spec.tasks import Task

MEDIA_TYPE = "application/vnd.cyclonedx+json"
LOCK = "requirements.lock"
PACKAGES_PROPERTY = "tasklane:system-packages"
_HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")


def bill_of_materials(
    task: Task, tag: str, *, digest: str, base: Base, files: Mapping[str, bytes] | None, now: datetime
) -> bytes:
    """The document as bytes. `files`: those of debian.FILES that the image has; None = nobody could look."""
    bom = Bom()
    purl = PackageURL("oci", name=task.name.lower(), version=digest, qualifiers={"tag": tag})
    about = Component(name=task.name, type=ComponentType.CONTAINER, version=tag, purl=purl, bom_ref=str(purl))
    about.properties.add(Property(name=PACKAGES_PROPERTY, value=_seen(files)))
    bom.metadata.component, bom.metadata.timestamp = about, now
    system = [_debian(package) for package in installed_packages(files or {})]
    parts = [*_base(base), *system, *_locked(task.folder / LOCK)]
    bom.components.update(parts)
    bom.register_dependency(about, parts)
    return JsonV1Dot6(bom).output_as_string(indent=1).encode()


def _seen(files: Mapping[str, bytes] | None) -> str:
    if files is None:
        return "unknown: the image was not on the machine that made this document"
    return f"from {STATUS}" if STATUS in files else f"none: the image has no {STATUS}"


def _debian(package: DebianPackage) -> Component:
    qualifiers = {"arch": package.architecture, "distro": package.distribution}
    purl = PackageURL("deb", package.vendor, package.name, package.version, qualifiers)
    return Component(
        name=package.name, version=package.version, type=ComponentType.LIBRARY, purl=purl, bom_ref=str(purl)
    )


def _locked(lock: Path) -> Iterator[Component]:
    """One component per pin; pip's line continuations are joined first."""
    lines = lock.read_text().replace("\\\n", " ").splitlines() if lock.exists() else []
    yield from (_package(line) for line in lines if line.strip() and not line.lstrip().startswith(("#", "-")))


def _package(line: str) -> Component:
    requirement = Requirement(_HASH.sub("", line).split(" #")[0].strip())
    version = next((pin.version for pin in requirement.specifier if pin.operator == "=="), "")
    hashes: Any = [HashType(alg=HashAlgorithm.SHA_256, content=found) for found in _HASH.findall(line)]
    purl = PackageURL("pypi", name=requirement.name.lower().replace("_", "-"), version=version or None)
    return Component(
        name=requirement.name, version=version, type=ComponentType.LIBRARY, purl=purl, bom_ref=str(purl), hashes=hashes
    )


def _base(base: Base) -> Iterator[Component]:
    """Nothing for an image that is built from scratch."""
    if base.name in ("", "scratch"):
        return
    hashes: Any = []
    if base.digest.startswith("sha256:"):
        hashes = [HashType(alg=HashAlgorithm.SHA_256, content=base.digest.removeprefix("sha256:"))]
    name, colon, tag = base.name.rpartition(":")
    if not colon or "/" in tag:  # the colon of a registry's port
        name, tag = base.name, ""
    reference = f"base:{base.name}" + (f"@{base.digest}" if base.digest else "")
    yield Component(name=name, version=tag, type=ComponentType.CONTAINER, bom_ref=reference, hashes=hashes)

"""Whether the wheels of a lock can live together: pip installs them with --no-deps, and would not notice."""

import zipfile
from collections.abc import Iterable, Iterator, Mapping
from email.parser import HeaderParser
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import NormalizedName, canonicalize_name
from packaging.version import Version

from platform_spec.virtualenvs import ARCHITECTURE, PYTHON

# What the workers are, whatever this machine is. Extras are left out: a lock does not say which were asked for.
_WORKER: dict[str, str] = {
    "implementation_name": "cpython",
    "implementation_version": f"{PYTHON}.0",
    "os_name": "posix",
    "platform_machine": ARCHITECTURE,
    "platform_python_implementation": "CPython",
    "platform_release": "",
    "platform_system": "Linux",
    "platform_version": "",
    "python_full_version": f"{PYTHON}.0",
    "python_version": PYTHON,
    "sys_platform": "linux",
    "extra": "",
}


def disagreements(wheels: Iterable[Path]) -> list[str]:
    """What a wheel needs that the others do not give, one line each."""
    told = [_metadata(wheel) for wheel in wheels]
    versions = {canonicalize_name(name): Version(version) for name, version, _needs in told}
    return [line for name, version, needs in told for line in _unmet(f"{name} {version}", needs, versions)]


def _unmet(who: str, needs: list[str], versions: Mapping[NormalizedName, Version]) -> Iterator[str]:
    for text in needs:
        try:
            need = Requirement(text)
        except InvalidRequirement:  # of old wheels; pip does not hold to it either
            continue
        if need.marker is not None and not need.marker.evaluate(_WORKER):
            continue
        has = versions.get(canonicalize_name(need.name))
        if has is None:
            yield f"{who} needs {need.name}{need.specifier}, which the lock does not have"
        elif not need.specifier.contains(has, prereleases=True):
            yield f"{who} needs {need.name}{need.specifier}, and the lock has {need.name} {has}"


def _metadata(wheel: Path) -> tuple[str, str, list[str]]:
    """Name, version and Requires-Dist of a wheel."""
    with zipfile.ZipFile(wheel) as archive:
        [name] = [
            entry for entry in archive.namelist() if entry.count("/") == 1 and entry.endswith(".dist-info/METADATA")
        ]
        headers = HeaderParser().parsestr(archive.read(name).decode())
    return headers["Name"], headers["Version"], headers.get_all("Requires-Dist", [])

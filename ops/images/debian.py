"""What Debian's package manager says is in an image: its status file and the release it belongs to.

Source: deb-control(5) and dpkg(1) for /var/lib/dpkg/status, os-release(5).
"""

import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from email.parser import HeaderParser

STATUS = "/var/lib/dpkg/status"
OS_RELEASE = "/usr/lib/os-release"
FILES = (STATUS, OS_RELEASE)
_INSTALLED = "ok installed"  # after the wish, which is "install" or "hold"


@dataclass(frozen=True)
class DebianPackage:
    """One installed package; `distribution` such as `debian-12`."""

    name: str
    version: str
    architecture: str
    vendor: str
    distribution: str


def installed_packages(files: Mapping[str, bytes]) -> Iterator[DebianPackage]:
    """From the content of FILES; none where the image has no status file (no Debian, or built from scratch)."""
    release = _assignments(files.get(OS_RELEASE, b"").decode())
    vendor = release.get("ID", "debian")
    distribution = "-".join(part for part in (vendor, release.get("VERSION_ID", "")) if part)
    for paragraph in files.get(STATUS, b"").decode(errors="replace").split("\n\n"):
        fields = HeaderParser().parsestr(paragraph)
        if fields.get("Status", "").endswith(_INSTALLED):
            yield DebianPackage(fields["Package"], fields["Version"], fields["Architecture"], vendor, distribution)


def _assignments(text: str) -> dict[str, str]:
    words = (word.partition("=") for word in shlex.split(text, comments=True))
    return {name: value for name, _, value in words}

"""What is read from Dockerfiles, build options and images, without a builder."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from ops.errors import UserError
from ops.images.base import Base, declared_base, recorded_base
from ops.images.debian import OS_RELEASE, STATUS, installed_packages
from ops.images.engines import OPTIONS_VARIABLE, build_options
from ops.images.sbom import bill_of_materials
from ops.workspace import ROOT
from platform_spec.tasks import Task, load_tasks

DIGEST = "sha256:" + "0123456789abcdef" * 4
STATUS_FILE = b"""\
Package: libc6
Status: install ok installed
Architecture: amd64
Version: 2.36-9+deb12u13
Description: GNU C Library
 with a line that goes on

Package: gone
Status: deinstall ok config-files
Architecture: all
Version: 1

Package: held
Status: hold ok installed
Architecture: all
Version: 1:2.0
"""
FILES = {STATUS: STATUS_FILE, OS_RELEASE: b'PRETTY_NAME="Debian GNU/Linux 12"\nID=debian\nVERSION_ID="12"\n'}


@pytest.fixture
def task() -> Task:
    return load_tasks(ROOT)["microbiome"]


@pytest.mark.parametrize(
    ("dockerfile", "arguments", "options", "base"),
    [
        ("ARG BASE=a/b:1\nFROM ${BASE}", {}, [], Base("a/b:1")),
        ("ARG BASE=a/b:1\nFROM ${BASE}", {"BASE": f"m/b:2@{DIGEST}"}, [], Base("m/b:2", DIGEST)),
        ("ARG BASE=a/b:1\nFROM ${BASE}", {}, ["--network", "host", "--build-arg", "BASE=o:3"], Base("o:3")),
        ("ARG BASE=a/b:1\nFROM ${BASE}", {}, ["--build-arg=BASE=o:3"], Base("o:3")),
        ("FROM scratch\nCOPY x /x", {}, [], Base("scratch")),
    ],
)
def test_the_base_is_what_the_build_begins_with(
    task: Task, tmp_path: Path, dockerfile: str, arguments: dict[str, str], options: list[str], base: Base
) -> None:
    (tmp_path / "Dockerfile").write_text(dockerfile)
    assert declared_base(task.model_copy(update={"folder": tmp_path}), arguments, options) == base


def test_a_builders_own_annotation_wins_over_our_label() -> None:
    assert recorded_base(Base("a:1", DIGEST).labels, Base("a:1").labels) == Base("a:1", DIGEST)
    assert recorded_base({}, Base("a:1").labels) == Base("a:1")


def test_build_options_are_read_as_a_shell_reads_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(OPTIONS_VARIABLE, "--network host --build-arg 'A=b c'")
    assert build_options() == ["--network", "host", "--build-arg", "A=b c"]
    monkeypatch.setenv(OPTIONS_VARIABLE, "--build-arg 'A")
    with pytest.raises(UserError, match="No closing quotation; write it as on a command line"):
        build_options()


def test_only_installed_packages_count() -> None:
    found = list(installed_packages(FILES))
    assert [(p.name, p.version, p.distribution) for p in found] == [
        ("libc6", "2.36-9+deb12u13", "debian-12"),
        ("held", "1:2.0", "debian-12"),
    ]
    assert list(installed_packages({})) == []


@pytest.mark.parametrize("files", [FILES, {}, None])
def test_every_bill_of_materials_is_valid(task: Task, files: dict[str, bytes] | None) -> None:
    base = Base("registry:5000/python:3.12", DIGEST)
    text = bill_of_materials(task, "src-1", digest=DIGEST, base=base, files=files, now=datetime.now(UTC)).decode()
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
    assert ("pkg:deb/debian/libc6@2.36-9%2Bdeb12u13?arch=amd64&distro=debian-12" in text) == bool(files)
    assert '"name": "registry:5000/python"' in text
    assert "pkg:pypi/numpy@" in text

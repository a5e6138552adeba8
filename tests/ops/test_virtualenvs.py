"""`tasklane virtualenvs publish` against a local AWS: each object once, by its content; a killed publish is finished.

Wheels are made here and found by pip in a folder: no index is asked. What stands for pip's own wheel is one of them.
"""

import base64
import hashlib
import json
import zipfile
from dataclasses import dataclass
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from ops.errors import UserError
from ops.main import app
from ops.objects import Bucket
from ops.virtualenvs import bundle
from ops.workspace import Workspace
from platform_spec.content import content_tag
from platform_spec.virtualenvs import Bundle, bundle_key
from tests.ops.emulator import tell_emulator

TASK = """\
purpose = "adds"
owner = "data"
lane = "virtualenv"
architecture = "x86_64"
timeout_minutes = 5
[access]
read = ["raw/"]
write = ["runs/adds/"]
"""


@dataclass
class Light:
    """A repository with the light task `adds`, and a folder of wheels in place of an index."""

    workspace: Workspace
    wheels: Path

    @property
    def folder(self) -> Path:
        return self.workspace.root / "task_images/adds"

    def wheel(self, name: str, version: str = "1.0", *needs: str) -> str:
        """Make one; the line that locks it."""
        path = self.wheels / f"{name}-{version}-py3-none-any.whl"
        info = f"{name}-{version}.dist-info"
        files = {
            f"{name}.py": f"version = {version!r}\n",
            f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
            + "".join(f"Requires-Dist: {need}\n" for need in needs),
            f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        }
        record = [f"{file},sha256={_digest(text)},{len(text)}" for file, text in files.items()]
        with zipfile.ZipFile(path, "w") as archive:
            for file, text in (files | {f"{info}/RECORD": "\n".join([*record, f"{info}/RECORD,,"]) + "\n"}).items():
                archive.writestr(zipfile.ZipInfo(file), text)
        return f"{name}=={version} --hash=sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}\n"

    def lock(self, *lines: str) -> None:
        (self.folder / "requirements.lock").write_text("".join(lines))

    def publish(self, *words: str) -> Result:
        """As a person types it; an expected error is raised as it is."""
        result = CliRunner().invoke(app, ["virtualenvs", "publish", *words, "--env", "local"])
        if isinstance(result.exception, UserError):
            raise result.exception
        return result

    @property
    def key(self) -> str:
        return bundle_key("adds", content_tag(self.folder, "x86_64"))

    def objects(self) -> dict[str, int]:
        """Key → how many versions of it were written."""
        client, name = self.workspace.client("s3"), self.workspace.names.dag_bucket
        found: dict[str, int] = {}
        for version in client.list_object_versions(Bucket=name).get("Versions", []):
            found[version["Key"]] = found.get(version["Key"], 0) + 1
        return found


def _digest(text: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).decode().rstrip("=")


@pytest.fixture
def light(workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Light:
    made = Light(workspace, tmp_path / "index")
    made.wheels.mkdir()
    (made.folder / "src/adds").mkdir(parents=True)
    (made.folder / "task.toml").write_text(TASK)
    (made.folder / "src/adds/__main__.py").write_text("print(1 + 1)\n")
    monkeypatch.setenv("TASKLANE_ROOT", str(workspace.root))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(made.wheels))
    monkeypatch.setattr(bundle, "PIP", made.wheel("pip", "99.0").strip())
    made.lock(made.wheel("first"), made.wheel("second"))
    return made


def stored(light: Light) -> Bundle:
    content = Bucket(light.workspace).get(light.key)
    assert content is not None
    return Bundle.read(content)


def test_everything_is_published_once_by_its_content(light: Light) -> None:
    assert light.publish().exit_code == 0
    found = stored(light)
    assert [wheel.file for wheel in found.wheels] == ["first-1.0-py3-none-any.whl", "second-1.0-py3-none-any.whl"]
    keys = {light.key, found.source_key, found.pip.key, *(wheel.key for wheel in found.wheels)}
    assert light.objects() == dict.fromkeys(keys, 1)
    for wheel in (found.pip, *found.wheels):
        content = Bucket(light.workspace).get(wheel.key)
        assert content is not None
        assert (hashlib.sha256(content).hexdigest(), len(content)) == (wheel.sha256, wheel.size)
    source = Bucket(light.workspace).get(found.source_key)
    assert source is not None
    assert hashlib.sha256(source).hexdigest() == found.source_sha256
    again = json.loads(light.publish("--json").stdout)["virtualenvs"]
    assert [(state["task"], state["action"]) for state in again] == [("adds", "none")]
    assert light.objects() == dict.fromkeys(keys, 1)


def test_a_changed_source_brings_its_own_files_and_no_wheel(light: Light) -> None:
    light.publish()
    before = light.objects()
    (light.folder / "src/adds/__main__.py").write_text("print(1 + 2)\n")
    would = json.loads(light.publish("--dry-run", "--json").stdout)["virtualenvs"]
    assert [state["action"] for state in would] == ["publish"]
    assert light.objects() == before
    assert "3 wheels, 0 of them new" in light.publish().stderr
    new = light.objects().keys() - before.keys()
    assert new == {light.key, stored(light).source_key}
    assert set(light.objects().values()) == {1}


def test_a_changed_lock_brings_only_the_wheel_that_is_new(light: Light) -> None:
    light.publish()
    before = light.objects()
    light.lock(light.wheel("first"), light.wheel("second", "2.0"))
    assert "3 wheels, 1 of them new" in light.publish().stderr
    wheels = [key for key in light.objects().keys() - before.keys() if key.startswith("wheels/")]
    assert [key.rsplit("/", 1)[-1] for key in wheels] == ["second-2.0-py3-none-any.whl"]


@pytest.mark.parametrize(
    ("lock", "told"),
    [
        ("first==1.0\n", "must have their versions pinned|hashes are required|do not have them"),
        (f"first==1.0 --hash=sha256:{'0' * 64}\n", "DO NOT MATCH THE HASHES"),
        (f"absent==1.0 --hash=sha256:{'0' * 64}\n", "No matching distribution found for absent"),
        ("this is no requirement\n", "Invalid requirement"),
    ],
)
def test_a_bad_lock_is_one_clear_error_and_publishes_nothing(light: Light, lock: str, told: str) -> None:
    light.lock(lock)
    with pytest.raises(UserError, match=f"(?si)task_images/adds/requirements.lock: its wheels .*({told})"):
        light.publish()
    assert light.objects() == {}
    light.lock(light.wheel("first"))  # nothing half-made is in the way of the corrected lock
    assert light.publish().exit_code == 0


def test_packages_that_do_not_fit_together_are_named_before_anything_is_published(light: Light) -> None:
    needs = ('second>=2,<3 ; python_version >= "3.9"', "third", 'fourth ; extra == "speed"', 'fifth ; os_name == "nt"')
    light.lock(light.wheel("first", "1.0", *needs), light.wheel("second"))
    with pytest.raises(UserError) as raised:
        light.publish()
    lines = str(raised.value).splitlines()
    assert lines[0].startswith("task_images/adds/requirements.lock: its packages do not fit together")
    assert [line.strip() for line in lines[1:-1]] == [
        "first 1.0 needs second<3,>=2, and the lock has second 1.0",
        "first 1.0 needs third, which the lock does not have",
    ]
    assert light.objects() == {}
    light.lock(light.wheel("first", "1.0", *needs), light.wheel("second", "2.1rc1"), light.wheel("third"))
    assert light.publish().exit_code == 0


def test_a_missing_lock_and_a_wrong_name_are_named(light: Light) -> None:
    with pytest.raises(UserError, match=r"no task add of lane virtualenv \(allowed: adds\)"):
        light.publish("add")
    (light.folder / "requirements.lock").unlink()
    with pytest.raises(UserError, match=r"requirements\.lock: not there; make it with `uv pip compile"):
        light.publish()


@pytest.mark.parametrize("lost", ["wheel", "source"])
def test_what_somebody_removed_is_published_again(light: Light, lost: str) -> None:
    light.publish()
    key = stored(light).source_key if lost == "source" else stored(light).wheels[0].key
    light.workspace.client("s3").delete_object(Bucket=light.workspace.names.dag_bucket, Key=key)
    would = json.loads(light.publish("--dry-run", "--json").stdout)["virtualenvs"]
    assert [state["action"] for state in would] == ["publish"]
    assert light.publish().exit_code == 0
    assert Bucket(light.workspace).get(key) is not None


@pytest.mark.parametrize("survived", [0, 1, 3, 4])
def test_a_killed_publish_is_finished_by_the_next(light: Light, emulator: str, survived: int) -> None:
    """S3 fails for good after so many objects: as if the process had been killed there. The bundle is written last."""
    failing = {"fault": "error", "service": "s3", "action": "PutObject", "skip": survived, "code": "AccessDenied"}
    tell_emulator(emulator, "faults", {"rules": [{**failing, "status": 403}], "replace": True})
    try:
        broken = CliRunner().invoke(app, ["virtualenvs", "publish", "--env", "local"])
    finally:
        tell_emulator(emulator, "faults", {"rules": [], "replace": True})
    assert broken.exception is not None
    assert light.key not in light.objects()
    assert len(light.objects()) == survived
    assert light.publish().exit_code == 0
    assert set(light.objects().values()) == {1}
    assert len(light.objects()) == 5
    assert {wheel.key for wheel in stored(light).wheels} <= light.objects().keys()

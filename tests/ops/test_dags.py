"""Uploading DAGs: only what differs, the manifest last, nothing that does not belong there."""

from pathlib import Path

import pytest

from ops.dags import dag_files, plan_upload, upload
from ops.errors import UserError
from ops.plugins import plugins_zip, upload_plugins
from ops.workspace import Workspace
from platform_spec.manifest import Manifest


@pytest.fixture
def manifest() -> Manifest:
    return Manifest(
        environment="local",
        release="abc",
        account="000000000000",
        region="us-east-1",
        cluster="c",
        cluster_arn="arn:c",
        subnets=("subnet-1",),
        security_groups=("sg-1",),
        dag_bucket="b",
        data_bucket="d",
        tasks={},
    )


def keys_by_time(workspace: Workspace) -> list[str]:
    s3 = workspace.client("s3")
    stored = s3.list_objects_v2(Bucket=workspace.names.dag_bucket).get("Contents", [])
    return [o["Key"] for o in sorted(stored, key=lambda o: (o["LastModified"], o["Key"] == "dags/manifest.json"))]


def test_first_upload_writes_all_and_the_second_nothing(workspace: Workspace, manifest: Manifest) -> None:
    first = upload(workspace, manifest)
    assert first.added == ["a.py", "lanes/kit.py", "manifest.json", "platform_spec/manifest.py"]
    assert keys_by_time(workspace)[-1] == "dags/manifest.json"
    second = upload(workspace, manifest)
    assert (bool(second), second.unchanged) == (False, 4)


def test_changed_and_removed_files_and_nothing_else(workspace: Workspace, manifest: Manifest) -> None:
    upload(workspace, manifest)
    (workspace.root / "dags/a.py").write_text("# changed\n")
    (workspace.root / "dags/lanes/kit.py").unlink()
    (workspace.root / "dags/b.py").write_text("# new\n")
    dry = upload(workspace, manifest, dry_run=True)
    assert (dry.added, dry.changed, dry.removed) == (["b.py"], ["a.py"], ["lanes/kit.py"])
    assert plan_upload(workspace, {**dag_files(workspace.root), "manifest.json": manifest.to_json().encode()}) == dry
    assert upload(workspace, manifest) == dry
    assert not upload(workspace, manifest)


def test_a_file_changed_behind_our_back_is_put_right(workspace: Workspace, manifest: Manifest) -> None:
    upload(workspace, manifest)
    workspace.client("s3").put_object(Bucket=workspace.names.dag_bucket, Key="dags/a.py", Body=b"# by hand\n")
    assert upload(workspace, manifest).changed == ["a.py"]


def test_plugins_zip_has_the_same_bytes_whatever_the_times(workspace: Workspace, tmp_path: Path) -> None:
    before = plugins_zip(tmp_path)
    (tmp_path / "plugins/p.py").touch()
    assert plugins_zip(tmp_path) == before
    (tmp_path / "plugins/p.py").write_text("# other\n")
    assert plugins_zip(tmp_path) != before


def test_plugins_get_a_new_version_only_when_they_change(workspace: Workspace, tmp_path: Path) -> None:
    first = upload_plugins(workspace)
    assert upload_plugins(workspace) == first
    (tmp_path / "plugins/p.py").write_text("# other\n")
    assert upload_plugins(workspace) != first


def test_without_an_emulator_the_message_says_how_to_start_it(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_ENDPOINT_URL")
    with pytest.raises(UserError, match="does not run; start it with `tasklane local up`"):
        Workspace("local", workspace.root).client("s3")

"""Uploading DAGs: only what differs, the manifest last, nothing that does not belong there."""

from pathlib import Path

import pytest

from ops.dags import dag_files, plan_upload, upload
from ops.errors import UserError
from ops.mwaa_files import mwaa_files, plugins_zip, upload_mwaa_files
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
    first = upload(workspace, dag_files(workspace), manifest)
    assert first.added == ["a.py", "lanes/kit.py", "manifest.json", "platform_spec/manifest.py"]
    assert keys_by_time(workspace)[-1] == "dags/manifest.json"
    second = upload(workspace, dag_files(workspace), manifest)
    assert (bool(second), second.unchanged) == (False, 4)


def test_changed_and_removed_files_and_nothing_else(workspace: Workspace, manifest: Manifest) -> None:
    upload(workspace, dag_files(workspace), manifest)
    (workspace.root / "dags/a.py").write_text("# changed\n")
    (workspace.root / "dags/lanes/kit.py").unlink()
    (workspace.root / "dags/b.py").write_text("# new\n")
    dry = upload(workspace, dag_files(workspace), manifest, dry_run=True)
    assert (dry.added, dry.changed, dry.removed) == (["b.py"], ["a.py"], ["lanes/kit.py"])
    assert plan_upload(workspace, {**dag_files(workspace), "manifest.json": manifest.to_json().encode()}) == dry
    assert upload(workspace, dag_files(workspace), manifest) == dry
    assert not upload(workspace, dag_files(workspace), manifest)


def test_a_file_changed_behind_our_back_is_put_right(workspace: Workspace, manifest: Manifest) -> None:
    upload(workspace, dag_files(workspace), manifest)
    workspace.client("s3").put_object(Bucket=workspace.names.dag_bucket, Key="dags/a.py", Body=b"# by hand\n")
    assert upload(workspace, dag_files(workspace), manifest).changed == ["a.py"]


def test_plugins_zip_has_the_same_bytes_whatever_the_times(workspace: Workspace, tmp_path: Path) -> None:
    before = plugins_zip(tmp_path)
    (tmp_path / "plugins/p.py").touch()
    assert plugins_zip(tmp_path) == before
    (tmp_path / "plugins/p.py").write_text("# other\n")
    assert plugins_zip(tmp_path) != before


def test_files_for_mwaa_get_a_new_version_only_when_they_change(workspace: Workspace, tmp_path: Path) -> None:
    (tmp_path / "mwaa").mkdir()
    (tmp_path / "mwaa/startup.sh").write_text("export A=1\n")
    first = upload_mwaa_files(workspace, mwaa_files(workspace))
    assert (first["RequirementsVersion"], bool(first["PluginsVersion"])) == ("", True)
    assert upload_mwaa_files(workspace, mwaa_files(workspace)) == first
    (tmp_path / "plugins/p.py").write_text("# other\n")
    second = upload_mwaa_files(workspace, mwaa_files(workspace))
    assert [key for key in first if first[key] != second[key]] == ["PluginsVersion"]


def test_requirements_get_the_constraints_of_the_airflow_version(workspace: Workspace, tmp_path: Path) -> None:
    (tmp_path / "mwaa").mkdir()
    (tmp_path / "mwaa/requirements.txt").write_text("# nothing yet\n")
    assert "requirements.txt" not in mwaa_files(workspace)
    (tmp_path / "mwaa/requirements.txt").write_text("pandas\n")
    with pytest.raises(UserError, match=r"mwaa/constraints-3.0.6.txt is missing \(there are: none\)"):
        dag_files(workspace)
    (tmp_path / "mwaa/constraints-3.0.6.txt").write_text("pandas==2.2.3\n")
    first_line = mwaa_files(workspace)["requirements.txt"].decode().splitlines()[0]
    assert first_line == '--constraint "/usr/local/airflow/dags/constraints-3.0.6.txt"'
    assert dag_files(workspace)["constraints-3.0.6.txt"] == b"pandas==2.2.3\n"
    (tmp_path / "mwaa/requirements.txt").write_text("-c other.txt\npandas\n")
    with pytest.raises(UserError, match="constraints are added at the upload"):
        mwaa_files(workspace)


def test_without_an_emulator_the_message_says_how_to_start_it(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_ENDPOINT_URL")
    with pytest.raises(UserError, match="does not run; start it with `tasklane local up`"):
        Workspace("local", workspace.root).client("s3")

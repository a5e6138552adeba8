"""An archive cannot write outside the folder it is unpacked in (zip slip)."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import zipfile
from pathlib import Path

from tests.security.conftest import ACCOUNT, REGION, ROOT, Platform
from tests.security.universe import PREFIX


def test_plugins_stay_in_their_folder(platform: Platform, tmp_path: Path) -> None:
    bucket, outside = f"{PREFIX}-dags-{ACCOUNT}-{REGION}", tmp_path / "outside.py"
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name in ("good.py", "../outside.py", "a/../../outside.py", str(outside)):
            archive.writestr(name, "1")
    put = platform.client("s3").put_object(Bucket=bucket, Key="evil.zip", Body=content.getvalue())
    folder = tmp_path / "plugins"
    argv = [sys.executable, str(ROOT / "local/airflow/lib/plugins_unpack.py"), bucket, "evil.zip", put["VersionId"]]
    credentials = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": REGION}
    env = {**os.environ, **credentials, "AWS_ENDPOINT_URL": platform.endpoint}
    subprocess.run([*argv, str(folder)], env=env, check=True)
    assert (folder / "good.py").exists()
    assert not outside.exists()
    assert {path.parent.relative_to(tmp_path).parts[0] for path in tmp_path.rglob("*.py")} == {"plugins"}

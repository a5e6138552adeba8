"""plugins.zip: made of `plugins/`, the same bytes for the same content, uploaded only when it changed.

MWAA takes plugins by object version, and a new version costs an update of the environment (20-60 minutes): so nothing
that does not change the content may change the archive.
"""

import base64
import hashlib
import io
import zipfile
from pathlib import Path

from botocore.exceptions import ClientError

from ops.workspace import Workspace

KEY = "plugins.zip"
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest time that zip can hold


def plugins_zip(root: Path) -> bytes:
    """The archive of everything in `plugins/`: sorted, without times, owners or compression differences."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:
        for path in sorted((root / "plugins").rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                entry = zipfile.ZipInfo(path.relative_to(root / "plugins").as_posix(), _EPOCH)
                entry.external_attr = 0o644 << 16
                archive.writestr(entry, path.read_bytes())
    return target.getvalue()


def upload_plugins(workspace: Workspace) -> str:
    """Make the bucket hold this source's archive; returns its object version."""
    content = plugins_zip(workspace.root)
    digest = hashlib.sha256(content)
    s3, bucket = workspace.client("s3"), workspace.names.dag_bucket
    try:
        stored = s3.head_object(Bucket=bucket, Key=KEY)
    except ClientError as error:
        if error.response["Error"]["Code"] != "404":
            raise
    else:
        if stored["Metadata"].get("sha256") == digest.hexdigest():
            return str(stored["VersionId"])
    checksum = base64.b64encode(digest.digest()).decode()
    put = s3.put_object(
        Bucket=bucket, Key=KEY, Body=content, Metadata={"sha256": digest.hexdigest()}, ChecksumSHA256=checksum
    )
    return str(put["VersionId"])

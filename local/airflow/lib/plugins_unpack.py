"""Unpacks the plugins.zip of the deployed environment, as MWAA does at start: `BUCKET KEY VERSION FOLDER`.

Runs under the MWAA execution role's credentials. Without KEY (no plugins deployed) the folder stays empty.
"""

import io
import shutil
import sys
import zipfile
from pathlib import Path

import boto3


def main(bucket: str, key: str, version: str, folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    if not key:
        print("no plugins are deployed")
        return
    body = boto3.client("s3").get_object(Bucket=bucket, Key=key, VersionId=version)["Body"].read()
    with zipfile.ZipFile(io.BytesIO(body)) as archive:
        archive.extractall(folder)  # zipfile itself refuses absolute paths and ..
    print(f"{key} version {version}: {len(archive.namelist())} files")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3], Path(sys.argv[4]))

"""Copies the DAG bucket to Airflow's DAG folder, as MWAA does every 30 s: `python dag_sync.py BUCKET PREFIX DIR`.

Runs in Airflow's virtual environment under the credentials of the MWAA execution role, so that a role that cannot read
its bucket shows here. Files appear whole (written beside, then renamed); the manifest comes last.
"""

import os
import sys
import time
from pathlib import Path

import boto3

SECONDS = 1.0


def sync(s3, bucket: str, prefix: str, folder: Path, seen: dict[str, str]) -> int:
    """Bring `folder` to the bucket's state; `seen` maps relative path to ETag. Returns the number of changed files."""
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    wanted = {o["Key"][len(prefix) :]: o["ETag"] for page in pages for o in page.get("Contents", [])}
    changed = sorted((p for p, etag in wanted.items() if seen.get(p) != etag), key=lambda p: (p == "manifest.json", p))
    for path in changed:
        target = (folder / path).resolve()
        if not target.is_relative_to(folder):
            raise ValueError(f"s3://{bucket}/{prefix}{path} would be written outside {folder}")
        target.parent.mkdir(parents=True, exist_ok=True)
        fresh = target.with_name(f".{target.name}.new")
        fresh.write_bytes(s3.get_object(Bucket=bucket, Key=prefix + path)["Body"].read())
        fresh.replace(target)
        seen[path] = wanted[path]
    gone = [path for path in seen if path not in wanted]
    for path in gone:
        (folder / path).unlink(missing_ok=True)
        del seen[path]
    return len(changed) + len(gone)


def main(bucket: str, prefix: str, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    s3, seen, parent = boto3.client("s3"), {}, os.getppid()
    while os.getppid() == parent:
        if changed := sync(s3, bucket, prefix, folder.resolve(), seen):
            print(f"{changed} files changed", flush=True)
        time.sleep(SECONDS)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], Path(sys.argv[3]))

"""Where releases are kept, in the DAG bucket: `releases/records/<id>.json`, `releases/blobs/<sha256>`, and what was
activated when, `releases/activations/<time>-<id>.json`. Nothing here is ever written twice or edited (the policy of the
bucket refuses it).
"""

import json
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

from pydantic import ValidationError

from ops.dags import PREFIX
from ops.errors import UserError
from ops.objects import Bucket, sha256
from ops.release.record import Release
from ops.workspace import Workspace
from platform_spec.manifest import FILE_NAME
from platform_spec.releases import ACTIVATIONS, BLOBS, RECORDS


class ReleaseStore:
    """The releases of one environment."""

    def __init__(self, workspace: Workspace) -> None:
        self.bucket = Bucket(workspace)
        self._environment = workspace.environment_name

    def ids(self) -> list[str]:
        """Oldest first: ids begin with the time."""
        return sorted(key.removeprefix(RECORDS).removesuffix(".json") for key in self.bucket.keys(RECORDS))

    def running_id(self) -> str | None:
        """The release named by the manifest beside the DAGs; None before the first one."""
        manifest = self.bucket.get(PREFIX + FILE_NAME)
        return str(json.loads(manifest)["release"]) if manifest else None

    def running(self) -> Release | None:
        """The record of the running release; None when there is none."""
        running = self.running_id()
        content = self.bucket.get(f"{RECORDS}{running}.json") if running else None
        return Release.read(content) if content else None

    def get(self, release_id: str) -> Release:
        """The release `release_id`, a unique beginning of it, `latest` or `running`; UserError lists what there is."""
        known = self.ids()
        if release_id == "latest" and known:
            release_id = known[-1]
        elif release_id == "running":
            release_id = self.running_id() or release_id
        matches = [release_id] if release_id in known else [i for i in known if i.startswith(release_id)]
        if len(matches) != 1:
            what = "is not unique" if matches else "does not exist"
            shown = ", ".join((matches or known)[-5:]) or "none yet"
            raise UserError(f"{self._environment}: release {release_id} {what} (the newest: {shown})")
        try:
            return Release.read(self.bucket.get(f"{RECORDS}{matches[0]}.json") or b"")
        except ValidationError as error:
            raise UserError(
                f"s3://{self.bucket.name}/{RECORDS}{matches[0]}.json is no release record: {error.errors()[0]['msg']}"
            ) from error

    def add(self, release: Release) -> None:
        if not self.bucket.put_once(f"{RECORDS}{release.id}.json", release.to_json()):
            raise UserError(f"{self._environment}: release {release.id} exists already; releases are never edited")

    def add_blobs(self, contents: Iterable[bytes]) -> None:
        """Write what is not there yet."""
        wanted = {BLOBS + sha256(content): content for content in contents}
        known = set(self.bucket.keys(BLOBS))
        missing = [(key, content) for key, content in wanted.items() if key not in known]
        with ThreadPoolExecutor(max_workers=8) as pool:
            list(pool.map(lambda item: self.bucket.put_once(*item), missing))

    def blobs(self, named: Mapping[str, str]) -> dict[str, bytes]:
        """Name → content for name → SHA-256; UserError names a blob that is gone or damaged."""
        with ThreadPoolExecutor(max_workers=8) as pool:
            return dict(zip(named, pool.map(self._blob, named.values()), strict=True))

    def _blob(self, digest: str) -> bytes:
        content = self.bucket.get(BLOBS + digest)
        if content is None or sha256(content) != digest:
            what = "is missing" if content is None else f"has the content {sha256(content)}"
            raise UserError(
                f"s3://{self.bucket.name}/{BLOBS}{digest} {what}: somebody changed it; restore its first version "
                f"(the bucket is versioned), or create the release anew from its revision"
            )
        return content

    def activated(self, release: Release, kind: str, who: str) -> None:
        """Note that `release` became the running one."""
        now = datetime.now(UTC)
        note = {"release": release.id, "kind": kind, "who": who, "when": now.isoformat(timespec="seconds")}
        self.bucket.put_once(f"{ACTIVATIONS}{now:%Y%m%d-%H%M%S-%f}-{release.id}.json", json.dumps(note).encode())

    def activations(self) -> list[dict[str, Any]]:
        """Oldest first."""
        keys = sorted(self.bucket.keys(ACTIVATIONS))
        with ThreadPoolExecutor(max_workers=8) as pool:
            return [json.loads(content) for content in pool.map(self.bucket.get, keys) if content]

"""The state of a source: which objects lie under its prefix, in which version."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Source:
    """Objects of `bucket` whose names begin with `prefix` and end with `suffix`; `done` is the folder of results.

    A state is done when `<done><state>.json` exists. Only names, ETags and sizes are looked at (s3:ListBucket).
    """

    bucket: str
    prefix: str
    suffix: str
    done: str

    def state(self, s3: Any) -> str:
        """A hash that changes when an object is added, replaced or removed; empty when there is none."""
        found = [stored for stored in self._list(s3, self.prefix) if stored[0].endswith(self.suffix)]
        return hashlib.sha256(json.dumps(sorted(found)).encode()).hexdigest() if found else ""

    def is_done(self, s3: Any, state: str) -> bool:
        key = f"{self.done}{state}.json"
        return any(stored[0] == key for stored in self._list(s3, key))

    def changed(self, s3: Any) -> str:
        """The state that has no result yet, or nothing."""
        state = self.state(s3)
        return "" if not state or self.is_done(s3, state) else state

    def _list(self, s3: Any, prefix: str) -> list[list[Any]]:
        pages = s3.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=prefix)
        return [[o["Key"], o["ETag"], o["Size"]] for page in pages for o in page.get("Contents", [])]

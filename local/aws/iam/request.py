"""The API request being served, for code deep inside a handler that must judge the caller again (iam:PassRole)."""

import json
from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cached_property
from typing import Any


@dataclass
class ApiRequest:
    """One call: its headers, its JSON body where it has one, and the caller's access key."""

    headers: Mapping[str, str]
    body: bytes
    access_key: str
    request_id: str

    @cached_property
    def data(self) -> dict[str, Any]:
        """The JSON body, or an empty dict for the other protocols."""
        if not self.body.lstrip().startswith(b"{"):
            return {}
        try:
            return json.loads(self.body)
        except ValueError:
            return {}

    @property
    def target(self) -> str:
        """The operation of the JSON protocols (X-Amz-Target without its prefix), or ''."""
        return self.headers.get("x-amz-target", "").rsplit(".", 1)[-1]


current: ContextVar[ApiRequest | None] = ContextVar("tasklane_request", default=None)

"""The link from the fan-out task to its page."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode, urlsplit

from airflow.configuration import conf
from airflow.sdk import BaseOperatorLink


class FanOutLink(BaseOperatorLink):
    """Made in the worker; the UI reads it from an XCom. Relative to the web server, whatever prefix it has."""

    name = "Fan-out"

    def get_link(self, operator: Any, *, ti_key: Any) -> str:
        prefix = urlsplit(conf.get("api", "base_url", fallback="/")).path.rstrip("/")
        where = {"dag_id": ti_key.dag_id, "run_id": ti_key.run_id, "task_id": ti_key.task_id}
        if ti_key.map_index is not None and ti_key.map_index >= 0:
            where["map_index"] = str(ti_key.map_index)
        return f"{prefix}/fan-out/?{urlencode(where)}"

"""The fan-out page at /fan-out/, and the rule that a failed or deleted parent takes its child runs with it.

Every Airflow process loads this file, so it imports next to nothing: the page is imported by its first request, the
rest where Airflow's models are there already (API server and scheduler).
"""

import sys
from typing import Any

from airflow.plugins_manager import AirflowPlugin
from tasklane_pages import listeners


class _Page:
    """An ASGI application that is imported when it is first called."""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        from tasklane_pages.app import app

        await app(scope, receive, send)


class TasklaneFanOut(AirflowPlugin):
    """`external_views` are known from Airflow 3.1; 3.0.6 has the link on the task only."""

    name = "tasklane_fan_out"
    fastapi_apps = [{"app": _Page(), "url_prefix": "/fan-out", "name": "Fan-out"}]  # noqa: RUF012 (Airflow's interface)
    external_views = [  # noqa: RUF012
        {
            "name": "Fan-out",
            "href": "fan-out/?dag_id={DAG_ID}&run_id={RUN_ID}",
            "destination": "dag_run",
            "url_route": "fan-out",
        }
    ]
    listeners = [listeners]  # noqa: RUF012

    @classmethod
    def on_load(cls, *args: Any, **kwargs: Any) -> None:
        """Watch for deleted runs, where runs are deleted."""
        if "sqlalchemy.orm" in sys.modules:
            listeners.watch_deletions()

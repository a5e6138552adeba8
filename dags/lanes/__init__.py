"""The DAG kit. DAG files import from here: `from lanes import dag, fan_out, run_task`.

Names are loaded on first use: a DAG file pays only for what it names. No module may carry the name of something that
it offers here: Python binds an imported submodule under its own name in the package, over whatever stood there.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # mypy sees the real signatures
    from lanes.dag_factory import dag
    from lanes.documents import write_document
    from lanes.fan_outs.operator import fan_out, if_partial
    from lanes.lane_task import run_task
    from lanes.notifications.callback import notify_failure
    from lanes.sources.operator import source_changed
    from lanes.this_deployment import deployment

_HOMES = {
    "dag": "lanes.dag_factory",
    "deployment": "lanes.this_deployment",
    "run_task": "lanes.lane_task",
    "fan_out": "lanes.fan_outs.operator",
    "if_partial": "lanes.fan_outs.operator",
    "notify_failure": "lanes.notifications.callback",
    "source_changed": "lanes.sources.operator",
    "write_document": "lanes.documents",
}

__all__ = [
    "dag",
    "deployment",
    "fan_out",
    "if_partial",
    "notify_failure",
    "run_task",
    "source_changed",
    "write_document",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"lanes has no {name!r} (it has {', '.join(sorted(_HOMES))})")
    return getattr(import_module(_HOMES[name]), name)

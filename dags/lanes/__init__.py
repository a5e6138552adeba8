"""The DAG kit. DAG files import from here: `from lanes import deployment, fan_out, run_task`.

Names are loaded on first use: a DAG file pays only for what it names.
"""

from importlib import import_module
from typing import Any

_HOMES = {"deployment": "lanes.deployment", "run_task": "lanes.run_task", "fan_out": "lanes.fan_out"}

__all__ = ["deployment", "fan_out", "run_task"]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"lanes has no {name!r} (it has {', '.join(sorted(_HOMES))})")
    return getattr(import_module(_HOMES[name]), name)

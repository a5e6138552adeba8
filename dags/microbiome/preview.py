"""`python -m microbiome.preview DAG_ID`: the plan that a run with the conf on standard input would make, as JSON.

Run by `tasklane fanout plan`. It writes what the run would write, under the same content-addressed names, and starts
nothing.
"""

from __future__ import annotations

import json
import sys
from typing import Any

from microbiome.detect import detect, plan_batches

_LIMITS = {"batch_items": 24, "batch_bytes": 4 * 1024**3}
_PASSED_ON = ("forward_primer", "reverse_primer", "truth", "metadata")


def preview(dag_id: str, conf: dict[str, Any]) -> dict[str, str]:
    """URIs of the manifest and of the output; raises what the run's own tasks would raise."""
    passed_on = {name: conf[name] for name in _PASSED_ON if conf.get(name)}
    found = detect(dag_id, conf.get("prefix", "raw/"), conf.get("reference", ""), passed_on)
    limits = {name: conf.get(name, default) for name, default in _LIMITS.items()}
    return {**plan_batches(dag_id, found.samples, limits), "output": found.output}


if __name__ == "__main__":
    print(json.dumps(preview(sys.argv[1], json.load(sys.stdin))))

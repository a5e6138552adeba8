"""What a run has cost so far, for the report: read from the child runs' XComs, written to S3 as label: value.

Only the URI goes on to gather; a child's facts are one small question to Airflow's API each (about 10 ms).
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from typing import Any

from lanes import deployment, write_document
from lanes.airflow_questions import RUN_FACTS_KEY
from lanes.fan_outs.child_runs.ids import child_run_id
from lanes.fan_outs.manifest import read_manifest, read_resumed
from lanes.fan_outs.progress import span
from lanes.fan_outs.trigger import PROGRESS_KEY

CHILD_DAG, CHILD_TASK, FAN_OUT = "microbiome_batch", "analyze_batch", "fan_out"


def write_facts(ti: Any, manifest_uri: str) -> str:
    """Write the facts of the run that `ti` belongs to; returns their URI."""
    manifest, sha = read_manifest(manifest_uri)
    resumed = read_resumed(manifest_uri, ti.run_id)
    runs = []
    for index in (batch["index"] for batch in manifest["batches"]):
        again = resumed.batches.get(index)
        run_id = child_run_id(ti.run_id, sha, index, again.generation if again else 0)
        runs.append(ti.xcom_pull(task_ids=CHILD_TASK, dag_id=CHILD_DAG, run_id=run_id, key=RUN_FACTS_KEY))
    progress = ti.xcom_pull(task_ids=FAN_OUT, key=PROGRESS_KEY) or {}
    before = sum(item["batch"] is None for item in manifest["items"])
    facts = {"Run": ti.run_id, "Release": deployment().release, **describe(runs, progress.get("seconds"), before)}
    body = json.dumps(facts, sort_keys=False, indent=1)
    return write_document(deployment().data_bucket, f"fanout/{ti.dag_id}", body)


def describe(runs: Sequence[dict[str, Any] | None], fan_out_seconds: float | None, reused: int) -> dict[str, str]:
    """The facts in words. `runs` has lanes.attempts.report.run_facts of each batch, None where there are none.

    `reused` samples had their result before. Of a batch that Airflow retried, only the last attempt is known.
    """
    known = [run for run in runs if run]
    costs = [run["cost_usd"] for run in known if "cost_usd" in run]
    facts = {"Samples analysed before": str(reused)} if reused else {}
    if not runs:
        return facts
    ended = Counter(str(run["outcome"]) for run in known)
    ended["unknown"] += len(runs) - len(known)
    told = [f"{count} {outcome}" for outcome, count in sorted(ended.items()) if count and outcome != "success"]
    facts["Batches succeeded"] = f"{ended['success']} of {len(runs)}" + (f" ({', '.join(told)})" if told else "")
    if fan_out_seconds is not None:
        facts["Time of the fan-out"] = span(fan_out_seconds)
    if known:
        spot = sum(run["capacity"] == "spot" for run in known)
        facts["Containers of the batches"] = str(sum(run["launches"] for run in known))
        facts["Batches on Spot"] = str(spot)
        facts["Container time"] = span(sum(run.get("seconds", 0.0) for run in known))
    if costs:
        of = "" if len(costs) == len(runs) else f" for {len(costs)} of {len(runs)}"
        facts["Cost of the batches"] = f"{sum(costs):.4f} USD{of} (list price on demand)"
    return facts

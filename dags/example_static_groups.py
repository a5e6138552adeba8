"""### Example: a fixed split as task groups (run by hand)

Two halves of the work are known when the DAG is written: one task group each, side by side, then a join. Every task is
its own container. Use this for a handful of branches that differ, and `fan_out` when the data decide how many there are
(docs/fan-out.md has the table).

### When it fails
Clear the task that failed: the group beside it is not touched.
"""

import datetime as dt

from airflow.sdk import TaskGroup

from lanes import dag, run_task

with dag(
    team="platform",
    owner="platform",
    pool="platform",
    schedule=None,
    start_date=dt.date(2026, 1, 1),
    catchup=False,
    doc_md=__doc__,
    tags=["example", "fan-out"],
):
    studies = []
    for name, samples in (("even", "4"), ("staggered", "8")):
        with TaskGroup(name):
            out = f"/scratch/{name}"
            studies.append(
                run_task(
                    "microbiome",
                    task_id="simulate",
                    command=["simulate", "--out", out, "--samples", samples],
                    result=False,
                )
            )
    compare = run_task("microbiome", task_id="version", command=["--version"], result=False)
    studies >> compare

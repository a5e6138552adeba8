"""### Example: a small dynamic split by task mapping (run by hand)

The number of pieces is known only when the run starts, and it is small: one mapped task, one map index per piece. The
grid shows all of them in one cell, and a retry runs only the pieces that failed. Airflow maps at most 1,024 pieces, and
each piece is a row that every scheduling decision of the run reads: from some tens of pieces on, use `fan_out`
(docs/fan-out.md has the figures).

### When it fails
Open the mapped task, clear the failed map index.
"""

import datetime as dt

from airflow.sdk import Param, task

from lanes import dag
from lanes.ecs.operator import RunTask

with dag(
    team="platform",
    owner="platform",
    pool="platform",
    schedule=None,
    start_date=dt.date(2026, 1, 1),
    catchup=False,
    doc_md=__doc__,
    tags=["example", "fan-out"],
    params={"seeds": Param([1, 2, 3], type="array", minItems=1, maxItems=50, description="one study per seed")},
):

    @task
    def commands(params=None) -> list[list[str]]:
        return [["simulate", "--out", "/scratch/study", "--samples", "2", "--seed", str(s)] for s in params["seeds"]]

    @task
    def count(params=None) -> int:
        return len(params["seeds"])

    studies = RunTask.partial(task_id="simulate", name="microbiome", result=False).expand(command=commands())
    studies >> count()

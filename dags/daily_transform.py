"""### Orders to daily tables

`check_updated` looks (deferred) whether the Parquet files under `raw/orders/` have changed since the last success;
`transform` runs the SQL files of task_images/daily_transform over them with DuckDB and writes one Parquet file per
table to `results/daily_transform/`. Nothing new within `wait_seconds`: the run is skipped.

### When it fails
- `check_updated`: the bucket cannot be listed; the message is AWS's (busy or out of reach: it looks again until the end
  of `wait_seconds`). Mend the right, clear it.
- `transform`, class `input`: the message names the SQL file, or the Parquet file that does not fit the others. After
  `00_checks.sql` the source has lines that no table should be made of: have them mended, then clear it. For an error in
  another SQL file, mend it in task_images/daily_transform, deploy, and start a new run.
- `transform`, class `memory`: it has run at all sizes of task.toml; add a larger one.
A state of the source is transformed once: clearing `transform` then changes nothing. After a change of the SQL, raise
`result_version` in its task.toml.
"""

import datetime as dt

from airflow.sdk import Param

from lanes import dag, deployment, run_task, source_changed

HERE = deployment()
RESULTS = f"results/daily_transform/v{HERE.task('daily_transform').result_version}/"

with dag(
    team="data",
    owner="data",
    pool="data",
    schedule="0 3 * * *",
    start_date=dt.date(2026, 1, 1),
    catchup=False,
    doc_md=__doc__,
    max_active_runs=1,
    params={
        "look_every_seconds": Param(300, type="integer", minimum=1),
        "wait_seconds": Param(6 * 3600, type="integer", minimum=0, description="without a change: skipped"),
    },
):
    check_updated = source_changed(
        "check_updated",
        prefix="raw/orders/",
        suffix=".parquet",
        done=RESULTS,
        poll_seconds="{{ params.look_every_seconds }}",
        wait_seconds="{{ params.wait_seconds }}",
    )
    transform = run_task(
        "daily_transform",
        task_id="transform",
        command=[
            "run",
            "--source",
            f"s3://{HERE.data_bucket}/raw/orders/",
            "--output",
            f"s3://{HERE.data_bucket}/{RESULTS}".rstrip("/"),
        ],
    )
    check_updated >> transform

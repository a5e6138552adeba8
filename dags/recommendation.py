"""### Recommendations per date: prepared and published on Fargate, found by a model on AWS Batch

`preprocess` counts the interactions of the run's date (`raw/interactions/date=<date>/*.parquet`, columns `user` and
`item`), `inference` learns from them what to recommend to whom (on Spot where the environment has it), `postprocess`
publishes it by name. `results/recommendation/v<n>/<date>.json` is written last, and once.

A date depends on no other: `tasklane backfill recommendation --from 2026-11-01 --to 2026-11-30 --max-active 8`.

### When it fails
- `preprocess`, class `input`: the message names the date without files, or the file and column. Have them delivered or
  mended, then clear it.
- `inference`, class `spot` or `capacity`: it has been started on demand too; clear it. Class `memory`: it has run at
  all sizes of task.toml; add a larger one.
- `postprocess`: nothing is published yet; clear it.
A date that has its `<date>.json` stays as it is, whatever is cleared or delivered later: to make it anew, raise
`result_version` in a task.toml.
"""

import datetime as dt

from airflow.sdk import Param

from lanes import dag, deployment, run_task

HERE = deployment()
TASK, MODEL = "recommendation", "recommendation_inference"
VERSION = f"v{HERE.task(TASK).result_version}.{HERE.task(MODEL).result_version}"

with dag(
    team="ml",
    owner="ml",
    pool="ml",
    schedule="0 5 * * *",
    start_date=dt.date(2026, 1, 1),
    catchup=False,
    doc_md=__doc__,
    max_active_runs=31,  # a month; the pool bounds what is started at once
    default_args={"depends_on_past": False},
    params={"date": Param("", type="string", pattern=r"^(\d{4}-\d\d-\d\d)?$", description="empty: the run's own")},
):
    preprocess = run_task(
        TASK,
        task_id="preprocess",
        command=[
            "preprocess",
            "--date={{ params.date or ds | default('') }}",
            "--source",
            f"s3://{HERE.data_bucket}/raw/interactions",
            "--output",
            f"s3://{HERE.data_bucket}/results/recommendation/{VERSION}",
        ],
    )
    inference = run_task(MODEL, task_id="inference", command=["infer", "--prepared", preprocess.output])
    postprocess = run_task(TASK, task_id="postprocess", command=["postprocess", "--prepared", preprocess.output])
    inference >> postprocess

"""### Which settings of the model are best: a grid of them on one date, an AWS Batch array job

`preprocess` prepares the date's interactions as `recommendation` does, `plan_points` makes one batch per point of the
grid, `evaluate` runs each as a child of an array job (on Spot where the environment has it): one item each of up to
10,000 users is held back, and the hit rate says how often it is among ten recommended. `compare` writes one table and
one picture, beside what the most popular items reach, and names the best point. Nothing is published: whoever wants the
settings changes them in the model (`task_images/recommendation_inference`, with a higher `result_version`).

A point of a state of the date is computed once; the same grid again computes nothing.

### When it fails
- `preprocess`, class `input`: the message names the date without files, or the file and column. Have them delivered or
  mended, then clear it.
- `evaluate`: names the failed points by class, with their logs. `tasklane fanout resume recommendation_tuning RUN`, the
  fan-out page or clearing it runs only these again. Bad points (class `input`, more factors than the interactions bear)
  do not fail it: the table names them. `max_failed` tolerates others.
- `compare`: reads the points only; clear it as often as needed.
"""

import datetime as dt

from airflow.sdk import Param, task

from lanes import dag, deployment, fan_out, if_partial, run_task

HERE = deployment()
TASK, MODEL = "recommendation", "recommendation_inference"
VERSION = f"v{HERE.task(TASK).result_version}.{HERE.task(MODEL).result_version}"

with dag(
    team="ml",
    owner="ml",
    pool="ml",
    schedule=None,
    start_date=dt.date(2026, 1, 1),
    catchup=False,
    doc_md=__doc__,
    tags=["fan-out"],
    max_active_runs=4,
    params={
        "date": Param("", type="string", pattern=r"^(\d{4}-\d\d-\d\d)?$", description="empty: the run's own"),
        "factors": Param(
            [16, 32, 64, 128], type="array", items={"type": "integer", "minimum": 1}, minItems=1, maxItems=32
        ),
        "regularization": Param(
            [0.01, 0.05, 0.1, 1.0], type="array", items={"type": "number", "minimum": 0}, minItems=1, maxItems=32
        ),
        "max_failed": Param(0, type="number", minimum=0, description="points that may fail; below 1: a share of them"),
    },
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

    @task
    def plan_points(prepared: str, dag=None, params=None) -> str:
        from recommendation_grid.plan import plan_points

        return plan_points(dag.dag_id, prepared, params["factors"], params["regularization"])

    planned = plan_points(preprocess.output)
    evaluate = fan_out(
        manifest_uri=planned,
        engine="array",
        task=MODEL,
        task_id="evaluate",
        command=["evaluate", "--manifest", planned],
        max_failed="{{ params.max_failed }}",
    )
    compare = run_task(
        TASK,
        task_id="compare",
        command=["compare", "--manifest", planned, if_partial("evaluate", "--allow-missing")],
    )
    evaluate >> compare

"""### Ordinary least squares: a light task with packages of its own, on the worker (run by hand)

Fits `outcome` on `predictors`, columns of the CSV file at `table`, with statsmodels. Coefficients with intervals are
written to `results/least_squares/` in the data bucket, under the run's id. The example of the lane `virtualenv`.

### When it fails
- `fit`: the first line has the class and text of the exception, below it the traceback. Exit code 2 is bad input (no
  such file or column, too few rows): mend the file or the parameters and start a new run. Everything else: clear it.
- `report`: reads what `fit` left in S3; clear it.
"""

import datetime as dt

from airflow.sdk import Param, task

from lanes import dag, deployment, run_task

with dag(
    team="data",
    owner="data",
    pool="data",
    schedule=None,
    start_date=dt.date(2026, 1, 1),
    catchup=False,
    doc_md=__doc__,
    tags=["example"],
    params={
        "table": Param("raw/least_squares/table.csv", type="string", pattern="^raw/", description="in the data bucket"),
        "outcome": Param("outcome", type="string", pattern="^[^,]+$", description="a column"),
        "predictors": Param(
            "dose,age", type="string", pattern="^[^,]+(,[^,]+)*$", description="columns, separated by commas"
        ),
    },
):
    bucket = f"s3://{deployment().data_bucket}"
    fit = run_task(
        "least_squares",
        task_id="fit",
        command=[
            *("--table", bucket + "/{{ params.table }}"),
            *("--outcome", "{{ params.outcome }}"),
            *("--predictors", "{{ params.predictors }}"),
            *("--output", bucket + "/results/least_squares/{{ run_id }}.json"),
        ],
    )

    @task
    def report(document: str) -> dict[str, float]:
        """What the result document says: the numbers travel through S3, Airflow carries the URI."""
        import json

        import boto3

        at, _, key = document.removeprefix("s3://").partition("/")
        body = boto3.client("s3").get_object(Bucket=at, Key=key)["Body"].read()
        found = json.loads(body)
        return {"rows": found["rows"], "r_squared": found["r_squared"]}

    report(fit.output)

"""### One JSON document to S3

The smallest pipeline: one task in a lane of its own that writes its parameter `document` to `results/s3_json/`, once,
under the hash of its content. Copy it to begin a new one.

### When it fails
Exit code 2 (class `input`): `document` is no JSON object; the log says what is wrong. Everything else is retried; clear
the task when the retries are used up. Writing the same document again changes nothing.
"""

import datetime as dt

from airflow.sdk import Param

from lanes import dag, deployment, run_task

HERE = deployment()

with dag(
    team="data",
    owner="data",
    pool="data",
    schedule=None,
    start_date=dt.date(2026, 1, 1),
    catchup=False,
    doc_md=__doc__,
    params={"document": Param({"hello": "world"}, type="object", maxProperties=100, description="what to write")},
):
    run_task(
        "s3_json",
        task_id="write",
        command=[
            "--document",
            "{{ params.document | tojson }}",
            "--folder",
            f"s3://{HERE.data_bucket}/results/s3_json/",
        ],
    )

"""### Is this release what runs? (started by each deployment)

One light task that reads the manifest where tasks run and compares it with the release the DAG was parsed with.

### When it fails
Worker and DAG processor see different files, or the worker cannot read the DAG folder: wait a minute (the DAG folder is
synchronised every 30 s) and clear it. If it fails again, roll back: `tasklane release rollback --env <environment>`.
"""

import datetime as dt

from airflow.sdk import task

from lanes import dag, deployment

with dag(
    team="platform",
    owner="platform",
    pool="platform",
    schedule=None,
    start_date=dt.date(2026, 1, 1),
    catchup=False,
    doc_md=__doc__,
    retry_delay=dt.timedelta(seconds=10),
):

    @task
    def look(dag=None) -> str:
        parsed = next(tag for tag in dag.tags if tag.startswith("release:"))
        if parsed != f"release:{deployment().release}":
            raise RuntimeError(f"the DAG is of {parsed}, the manifest of release {deployment().release}")
        return deployment().release

    look()

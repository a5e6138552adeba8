"""### One batch of samples (started by `microbiome_dispatch`)

Trims, merges, filters and dereplicates each sample of its batch in one Fargate task; a sample whose result exists is
skipped, so a run can be repeated at any time.

### When it fails
The first line of the task's error names the class (memory, spot, image, input, …) and what to do. Exit code 2 means
that every sample of the batch is bad input: see the log for file and record. Everything else: clear the task.
"""

import datetime as dt

from airflow.sdk import Param

from lanes import dag, run_task

with dag(
    team="bioinformatics",
    owner="bioinformatics",
    pool="bioinformatics",
    schedule=None,
    start_date=dt.date(2026, 1, 1),
    catchup=False,
    doc_md=__doc__,
    tags=["child"],
    max_active_runs=100,
    max_active_tasks=100,
    params={
        "manifest": Param("", type="string", pattern="^(s3://[^/]+/fanout/.+)?$", description="URI of the plan"),
        "batch": Param(0, type="integer", minimum=0, description="index of the batch"),
        "size": Param(
            None, type=["string", "null"], pattern="^[a-z0-9_]+$", description="of task.toml; empty: the default"
        ),
        "capacity": Param("", enum=["", "on_demand", "spot", "spot_first"], description="empty: as deployed"),
    },
):
    run_task(
        "microbiome",
        task_id="analyze_batch",
        command=["analyze-batch", "--manifest", "{{ params.manifest }}", "--batch", "{{ params.batch }}"],
        size="{{ params.size or '' }}",
        capacity="{{ params.capacity }}",
        start_from_trigger=True,  # hundreds of them at a time
    )

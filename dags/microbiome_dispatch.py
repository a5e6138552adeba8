"""### Gut-microbiome analysis: detect samples, split, one child run per batch, gather

Finds FASTQ samples under `prefix`, splits those without a result into batches balanced by bytes, starts one run of
`microbiome_batch` per batch (each in a Fargate task of its own), and gathers tables and a report. Running it again
without new samples does no work.

### When it fails
- `detect`: no sample or no reference where the parameters say. The message lists what is there. Upload, clear it.
- `fan_out`: names the failed runs of `microbiome_batch`. Repair the cause in their logs, clear `fan_out`: only those
  run again.
- `facts`: sums up what the batches took, for the report; clear it as often as needed.
- `gather`: reads per-sample results only; clear it as often as needed.
Bad samples do not fail the run: see `quarantine.tsv` in the output.
"""

import datetime as dt

from airflow.exceptions import AirflowSkipException
from airflow.sdk import Param, task

from lanes import dag, fan_out, if_partial, run_task

with dag(
    team="bioinformatics",
    owner="bioinformatics",
    pool="bioinformatics",
    schedule="0 * * * *",
    start_date=dt.date(2026, 1, 1),
    catchup=False,
    doc_md=__doc__,
    tags=["fan-out"],
    max_active_runs=1,
    params={
        "prefix": Param("raw/", type="string", pattern="^raw/", description="where the FASTQ files are"),
        "reference": Param(
            "", type="string", pattern="^[^/]*$", description="file under reference/; empty: the only one"
        ),
        "forward_primer": Param("", type="string", pattern="^[ACGTURYSWKMBDHVNI]*$"),
        "reverse_primer": Param("", type="string", pattern="^[ACGTURYSWKMBDHVNI]*$"),
        "truth": Param("", type="string", pattern="^(s3://.+)?$", description="URI of an expected composition"),
        "metadata": Param("", type="string", pattern="^(s3://.+)?$", description="URI of a sample metadata table"),
        "batch_items": Param(24, type="integer", minimum=1, maximum=1000, description="samples per batch, at most"),
        "batch_bytes": Param(4 * 1024**3, type="integer", minimum=1, description="compressed bytes per batch, at most"),
        "max_parallel": Param(0, type="integer", minimum=0, description="batches at a time; 0: all that have room"),
        "max_failed": Param(0, type="number", minimum=0, description="batches that may fail; below 1: a share of them"),
    },
):

    @task
    def detect(dag=None, params=None, ti=None) -> str:
        from microbiome.detect import detect

        passed_on = {k: params[k] for k in ("forward_primer", "reverse_primer", "truth", "metadata") if params[k]}
        found = detect(dag.dag_id, params["prefix"], params["reference"], passed_on)
        ti.xcom_push("output", found.output)
        if found.is_done:
            raise AirflowSkipException(f"nothing new: these samples are analysed in {found.output}/")
        return found.samples

    @task(multiple_outputs=True)
    def plan_batches(samples: str, dag=None, params=None) -> dict[str, str]:
        from microbiome.detect import plan_batches

        limits = {"batch_items": params["batch_items"], "batch_bytes": params["batch_bytes"]}
        return plan_batches(dag.dag_id, samples, limits)

    planned = plan_batches(detect())
    batches = fan_out(
        "microbiome_batch",
        planned["manifest"],
        task_id="fan_out",
        max_parallel="{{ params.max_parallel }}",
        max_failed="{{ params.max_failed }}",
    )

    @task
    def facts(manifest: str, ti=None) -> str:
        from microbiome.facts import write_facts

        return write_facts(ti, manifest)

    summed = facts(planned["manifest"])
    gather = run_task(
        "microbiome",
        task_id="gather",
        size="gather",
        command=[
            "gather",
            "--manifest",
            planned["manifest"],
            "--output",
            planned["output"],
            "--facts",
            summed,
            # Only where `max_failed` has let the fan-out go on without some batches; else gather insists on all.
            if_partial("fan_out", "--allow-missing"),
        ],
    )
    batches >> summed
    batches >> gather

"""The DAG file of the batch suite: one job, one job on Spot, and a fan-out by array jobs."""

BATCH_DAGS = {
    "jobs.py": """
import datetime as dt
from airflow.sdk import DAG, task
from lanes import deployment, fan_out, run_task
START = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
OPEN = {"schedule": None, "start_date": START, "catchup": False, "max_active_tasks": 1000, "max_active_runs": 1000}
WORK = {"mode": "ok", "seconds": 1}
COMMAND = ["{{ params.mode }}", "{{ params.seconds }}"]
with DAG("job", default_args={"retries": 2, "retry_delay": dt.timedelta(seconds=2)}, params=WORK, **OPEN):
    run_task("job", task_id="work", command=COMMAND)
with DAG("job_once", default_args={"retries": 0}, params=WORK, **OPEN):
    run_task("job", task_id="work", command=COMMAND)
with DAG("job_spot", default_args={"retries": 0}, params=WORK, **OPEN):
    run_task("job", task_id="work", command=COMMAND, capacity="spot_first")
with DAG("array", params={"n": 3, "max_failed": 0, "capacity": "on_demand"}, **OPEN):
    @task
    def plan_batches(dag=None, params=None, run_id=None):
        import boto3
        from platform_spec.fan_out import Item, Limits, plan
        items = [Item(key=f"s{i:05}", bytes=1000) for i in range(params["n"])]
        manifest = plan(dag.dag_id, items, limits=Limits(batch_items=1), parameters={"run": run_id})
        key = f"fanout/{dag.dag_id}/{manifest.sha256()}.json"
        boto3.client("s3").put_object(Bucket=deployment().data_bucket, Key=key, Body=manifest.to_json().encode())
        return f"s3://{deployment().data_bucket}/{key}"
    fanned = fan_out(
        manifest_uri=plan_batches(), engine="array", task="job", task_id="work", command=["array", "0.05"],
        max_failed="{{ params.max_failed }}", capacity="{{ params.capacity }}", retries=0,
    )
    @task
    def gather(manifest, ti=None):
        return ti.xcom_pull(task_ids="work", key="fan_out_summary")
    gather(fanned.output)
""",
}

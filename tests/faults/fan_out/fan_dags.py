"""The DAG file of the fan-out fault suite: a parent that plans what its conf says, and children that do it."""

FAN_DAGS = {
    "fans.py": """
import datetime as dt
from airflow.sdk import DAG, Param, task
from lanes import fan_out, run_task
START = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
RETRIES = {"retries": 2, "retry_delay": dt.timedelta(seconds=2)}
OPEN = {"schedule": None, "start_date": START, "catchup": False, "max_active_tasks": 1000, "max_active_runs": 1000}
CHILD = {
    "manifest": Param("", type="string"), "batch": Param(0, type="integer"),
    "size": Param(None, type=["string", "null"]), "capacity": Param("", type="string"),
}

def plan_uri(dag_id, parameters, count):
    import boto3
    from lanes import deployment
    from platform_spec.fan_out import Item, Limits, plan
    items = [Item(key=f"s{i:05}", bytes=1000) for i in range(count)]
    manifest = plan(dag_id, items, limits=Limits(batch_items=1), parameters=parameters)
    key = f"fanout/{dag_id}/{manifest.sha256()}.json"
    boto3.client("s3").put_object(Bucket=deployment().data_bucket, Key=key, Body=manifest.to_json().encode())
    return f"s3://{deployment().data_bucket}/{key}"

PARENT = {"n": 3, "seconds": 0.05, "child": "lane_child", "max_failed": 0, "max_parallel": 0, "note": ""}
with DAG("fan", params=PARENT, **OPEN):
    @task
    def plan_batches(dag=None, params=None):
        return plan_uri(dag.dag_id, {"seconds": params["seconds"], "note": params["note"]}, params["n"])
    fanned = fan_out(
        "{{ params.child }}", plan_batches(), max_failed="{{ params.max_failed }}",
        max_parallel="{{ params.max_parallel }}", poll=dt.timedelta(seconds=1), **RETRIES,
    )
    @task
    def gather(manifest, ti=None):
        return ti.xcom_pull(task_ids="fan_out", key="fan_out_summary")
    gather(fanned.output)
# What a batch does is in a file of the bucket, so that a person can "repair" it between two attempts.
with DAG("lane_child", params=CHILD, default_args={"retries": 0}, **OPEN):
    run_task(
        "probe", task_id="work", command=["batch", "{{ params.manifest }}", "{{ params.batch }}"],
        size="{{ params.size or '' }}", capacity="{{ params.capacity }}",
    )
with DAG("plain_child", params=CHILD, **OPEN):
    @task
    def work(params=None):
        import json, boto3
        bucket, _, key = params["manifest"].removeprefix("s3://").partition("/")
        s3 = boto3.client("s3")
        modes = json.loads(s3.get_object(Bucket=bucket, Key="raw/modes.json")["Body"].read())
        if modes.get(str(params["batch"])) == "error":
            raise RuntimeError("this batch is bad")
    work()
with DAG("asleep_child", params=CHILD, is_paused_upon_creation=True, **OPEN):
    @task
    def work():
        pass
    work()
""",
}

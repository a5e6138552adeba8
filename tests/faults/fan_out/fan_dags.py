"""The DAG file of the fan-out suites: a parent that plans what its conf says, and children of several kinds.

What a batch does stands in raw/modes.json of the data bucket, so that a test can repair it between two attempts:
{"seconds": 0.05, "3": "error", "7": "bad"}; "ok" where nothing is said.
"""

FAN_DAGS = {
    "fans.py": """
import datetime as dt
from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import DAG, Param, task
from lanes import deployment, fan_out, run_task
START = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
OPEN = {"schedule": None, "start_date": START, "catchup": False, "max_active_tasks": 2000, "max_active_runs": 2000}
CHILD = {
    "manifest": Param("", type="string"), "batch": Param(0, type="integer"),
    "size": Param(None, type=["string", "null"]), "capacity": Param("", type="string"),
}
PARENT = {"n": 3, "child": "lane_child", "max_failed": 0, "max_parallel": 0, "note": "", "names": "s"}

def mode_of(batch):
    import json, boto3
    body = boto3.client("s3").get_object(Bucket=deployment().data_bucket, Key="raw/modes.json")["Body"].read()
    return json.loads(body).get(str(batch), "ok")

with DAG("fan", params=PARENT, **OPEN):
    @task
    def plan_batches(dag=None, params=None):
        import boto3
        from platform_spec.fan_out import Item, Limits, plan
        items = [Item(key=f"{params['names']}{i:05}", bytes=1000) for i in range(params["n"])]
        manifest = plan(dag.dag_id, items, limits=Limits(batch_items=1), parameters={"note": params["note"]})
        key = f"fanout/{dag.dag_id}/{manifest.sha256()}.json"
        boto3.client("s3").put_object(Bucket=deployment().data_bucket, Key=key, Body=manifest.to_json().encode())
        return f"s3://{deployment().data_bucket}/{key}"
    fanned = fan_out(
        "{{ params.child }}", plan_batches(), max_failed="{{ params.max_failed }}",
        max_parallel="{{ params.max_parallel }}", poll=dt.timedelta(seconds=1), retries=0,
    )
    @task
    def gather(manifest, ti=None):
        return ti.xcom_pull(task_ids="fan_out", key="fan_out_summary")
    gather(fanned.output)
for name, direct in {"lane_child": True, "worker_child": False}.items():
    with DAG(name, params=CHILD, default_args={"retries": 0}, **OPEN):
        run_task(
            "probe", task_id="work", command=["asked", "{{ params.batch }}"], start_from_trigger=direct,
            size="{{ params.size or '' }}", capacity="{{ params.capacity }}",
        )
with DAG("two_steps_child", params=CHILD, default_args={"retries": 0}, **OPEN):
    first = run_task("probe", task_id="first", command=["ok", "0.05"])
    first >> run_task("probe", task_id="work", command=["asked", "{{ params.batch }}"])
with DAG("plain_child", params=CHILD, default_args={"retries": 0}, **OPEN):
    @task
    def work(params=None):
        if mode_of(params["batch"]) == "error":
            raise RuntimeError("this batch is bad")
    work()
with DAG("instant_child", params=CHILD, **OPEN):
    EmptyOperator(task_id="work")  # ends in the scheduler, with no worker: a thousand of them are soon done
with DAG("asleep_child", params=CHILD, is_paused_upon_creation=True, **OPEN):
    @task
    def work():
        pass
    work()
""",
}

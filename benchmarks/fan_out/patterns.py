"""The four ways to fan out that are compared, as one DAG file. Every batch is one 50 ms container of the probe lane."""

PATTERNS = {
    "patterns.py": '''
import datetime as dt, json, os
from airflow.sdk import DAG, Param, task
from airflow.providers.amazon.aws.operators.ecs import EcsRunTaskOperator
from airflow.providers.standard.operators.trigger_dagrun import TriggerDagRunOperator
from lanes import deployment, fan_out, run_task
START = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
OPEN = {"schedule": None, "start_date": START, "catchup": False, "max_active_tasks": 5000, "max_active_runs": 5000}
HERE = deployment()
LANE = HERE.task("probe")
N = {"n": 20}
CHILD = {"manifest": "", "batch": 0, "size": Param(None, type=["string", "null"])}
NETWORK = {"subnets": list(HERE.subnets), "securityGroups": list(HERE.security_groups)}

def overrides(**environment):
    pairs = [{"name": name, "value": value} for name, value in environment.items()]
    return {"containerOverrides": [{"name": "probe", "command": ["ok", "0.05"], "environment": pairs}]}

def stock(**more):
    """The stock operator as its documentation recommends for deferrable use, polling as often as ours does."""
    return dict(
        task_id="work", cluster=HERE.cluster, task_definition=LANE.family, launch_type="FARGATE",
        network_configuration={"awsvpcConfiguration": NETWORK}, overrides=overrides(),
        awslogs_group=LANE.log_group, awslogs_stream_prefix=LANE.log_stream_prefix, awslogs_region=HERE.region,
        container_name="probe", deferrable=True, waiter_delay=1, waiter_max_attempts=1000,
        aws_conn_id=None, region_name=HERE.region) | more

with DAG("ours", params=N, **OPEN):
    @task
    def plan_batches(dag=None, params=None):
        import boto3
        from platform_spec.fan_out import Item, Limits, plan
        items = [Item(key=f"s{i:05}", bytes=1000) for i in range(params["n"])]
        manifest = plan(dag.dag_id, items, limits=Limits(batch_items=1))
        key = f"fanout/{dag.dag_id}/{manifest.sha256()}.json"
        boto3.client("s3").put_object(Bucket=HERE.data_bucket, Key=key, Body=manifest.to_json().encode())
        return f"s3://{HERE.data_bucket}/{key}"
    fanned = fan_out("our_child", plan_batches(), poll=dt.timedelta(seconds=2))
    @task
    def gather(): pass
    fanned >> gather()
with DAG("our_child", params=CHILD, **OPEN):
    run_task("probe", task_id="work", command=["ok", "0.05"], result=False, start_from_trigger=True)

with DAG("ours_by_worker", params=N, **OPEN):
    fanned = fan_out("worker_child", plan_batches(), poll=dt.timedelta(seconds=2))
    @task
    def gather(): pass
    fanned >> gather()
with DAG("worker_child", params=CHILD, **OPEN):
    run_task("probe", task_id="work", command=["ok", "0.05"], result=False)

with DAG("mapped_trigger", params=N, **OPEN):
    @task
    def split(params=None, run_id=None):
        return [{"trigger_run_id": f"{run_id}__b{i:05}", "conf": {"batch": i}} for i in range(params["n"])]
    waited = TriggerDagRunOperator.partial(
        task_id="trigger", trigger_dag_id="stock_child", wait_for_completion=True, poke_interval=2,
        deferrable=True, logical_date=None).expand_kwargs(split())
    @task
    def gather(): pass
    waited >> gather()
with DAG("stock_child", **OPEN):
    EcsRunTaskOperator(**stock())

with DAG("mapped_ecs", params=N, **OPEN):
    @task
    def split(params=None):
        return [overrides(B=str(i)) for i in range(params["n"])]
    same = {key: value for key, value in stock().items() if key != "overrides"}
    work = EcsRunTaskOperator.partial(**same).expand(overrides=split())
    @task
    def gather(): pass
    work >> gather()

with DAG("looping_trigger", params=N, **OPEN):
    @task
    def loop(params=None, run_id=None):
        """One task creates the runs through the REST API and waits for them."""
        import requests, time
        base = os.environ["AIRFLOW__API__BASE_URL"]
        http = requests.Session()
        http.headers["Authorization"] = "Bearer " + http.get(base + "/auth/token").json()["access_token"]
        for i in range(params["n"]):
            body = {"dag_run_id": f"{run_id}__b{i:05}", "logical_date": None, "conf": {"batch": i}}
            http.post(f"{base}/api/v2/dags/stock_child/dagRuns", json=body).raise_for_status()
        while True:
            body = {"dag_ids": ["stock_child"], "states": ["queued", "running"], "page_limit": 1}
            if not http.post(f"{base}/api/v2/dags/~/dagRuns/list", json=body).json()["total_entries"]:
                return
            time.sleep(2)
    @task
    def gather(): pass
    loop() >> gather()
''',
}
CHILD_OF = {
    "ours": "our_child",
    "ours_by_worker": "worker_child",
    "mapped_trigger": "stock_child",
    "looping_trigger": "stock_child",
    "mapped_ecs": None,
}

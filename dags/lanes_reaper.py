"""### The last net under the lanes: stops containers and jobs whose Airflow task is over

Normally none is found: whoever ends a task stops its container within seconds. One is left when Airflow's own processes
died at that moment. The XCom of `reap` names what was stopped and why; it is empty on a good day. It also looks for
the reverse: tasks that stay deferred though their container has ended are named in its log and counted (alarm
`stuck-deferred`).

### When it fails
Nothing was stopped that should run: it stops only after Airflow has said that the task is over. Look for the AWS error
in its log (rights, throttling), repair, clear `reap`; or wait for the next run.
"""

import datetime as dt

from airflow.sdk import task

from lanes import dag, deployment

with dag(
    team="platform",
    owner="platform",
    pool="platform",
    schedule=dt.timedelta(minutes=10),
    start_date=dt.date(2026, 1, 1),
    catchup=False,
    doc_md=__doc__,
    retries=1,
    retry_delay=dt.timedelta(minutes=1),
    max_active_runs=1,
):

    @task
    def reap() -> list[dict[str, str]]:
        import boto3
        from airflow.sdk.execution_time.task_runner import RuntimeTaskInstance

        from lanes.attempts import stuck
        from lanes.attempts.reaper import reap
        from lanes.batch.reaper import open_jobs
        from lanes.ecs.reaper import ended_containers, running_containers

        def states(dag_id: str, run_ids: list[str]) -> dict[str, dict[str, str | None]]:
            return RuntimeTaskInstance.get_task_states(dag_id=dag_id, run_ids=run_ids)

        here, now = deployment(), dt.datetime.now(dt.UTC)
        ecs = boto3.client("ecs", region_name=here.region)
        ended, found = ended_containers(ecs, here.cluster), running_containers(ecs, here.cluster)
        reaped = reap(found, lambda arn, why: ecs.stop_task(cluster=here.cluster, task=arn, reason=why), states, now)
        if here.job_queues:
            batch = boto3.client("batch", region_name=here.region)
            jobs = open_jobs(batch, here.job_queues)
            reaped += reap(jobs, lambda job, why: batch.terminate_job(jobId=job, reason=why), states, now)
        if here.offers("docker"):
            from lanes.docker.reaper import reap_engine

            reaped += reap_engine(here.environment, states, now)
        if here.kubernetes and here.offers("kubernetes"):
            from lanes.kubernetes.cluster import Cluster
            from lanes.kubernetes.reaper import reap_cluster

            cluster = Cluster(here.kubernetes.cluster, here.region)
            reaped += reap_cluster(cluster, here.kubernetes.namespace, here.environment, states, now)
        waiting = stuck.stuck(ended, found, states, now)
        logs = boto3.client("logs", region_name=here.region)
        stuck.report(logs, here.metrics_log_group, here.environment, waiting, now)
        return reaped

    reap()

"""The dashboard: alarms first, then Airflow, lanes and cost."""

from __future__ import annotations

import json
from collections.abc import Sequence

from aws_cdk import Stack
from aws_cdk import aws_cloudwatch as cloudwatch
from constructs import Construct

from platform_spec.alarms import Alarm
from platform_spec.naming import Names
from platform_spec.run_metrics import NAMESPACE

Metric = list[object]
WIDTH, HEIGHT = 12, 6


class Board(Construct):
    """One dashboard per environment, named like it."""

    def __init__(
        self, scope: Construct, id_: str, *, alarms: Sequence[Alarm], tasks: Sequence[str], names: Names
    ) -> None:
        super().__init__(scope, id_)
        stack = Stack.of(self)
        arns = [
            f"arn:{stack.partition}:cloudwatch:{stack.region}:{stack.account}:alarm:{names.alarm(alarm.id)}"
            for alarm in alarms
        ]
        graphs = [
            {"type": "metric", "properties": {"title": title, "region": stack.region, "stat": stat, "metrics": metrics}}
            for title, stat, metrics in _graphs(alarms, tasks, names)
        ]
        top = {"type": "alarm", "properties": {"title": "Alarms", "alarms": arns}}
        widgets = [{**top, "x": 0, "y": 0, "width": 2 * WIDTH, "height": HEIGHT}]
        for number, graph in enumerate(graphs):
            place = {"x": number % 2 * WIDTH, "y": (number // 2 + 1) * HEIGHT, "width": WIDTH, "height": HEIGHT}
            widgets.append({**graph, **place})
        cloudwatch.CfnDashboard(
            self, "Dashboard", dashboard_name=names.dashboard, dashboard_body=json.dumps({"widgets": widgets})
        )


def _graphs(alarms: Sequence[Alarm], tasks: Sequence[str], names: Names) -> list[tuple[str, str, list[Metric]]]:
    environment: Metric = ["Environment", names.mwaa_environment]
    lanes: Metric = ["Environment", names.env.name]
    outcomes = [alarm.dimensions["Outcome"] for alarm in alarms if "Outcome" in alarm.dimensions]

    def by_cluster(metric: str) -> list[Metric]:
        clusters = ("BaseWorker", "AdditionalWorker", "Scheduler", "WebServer")
        return [["AWS/MWAA", metric, "Cluster", cluster, *environment] for cluster in clusters]

    return [
        ("Airflow: tasks", "Average", [
            ["AmazonMWAA", metric, "Function", "Executor", *environment] for metric in ("RunningTasks", "QueuedTasks")
        ]),
        ("Airflow: heartbeat of the scheduler", "Sum", [
            ["AmazonMWAA", "SchedulerHeartbeat", "Function", "Scheduler", *environment]
        ]),
        ("Airflow: CPU, %", "Average", by_cluster("CPUUtilization")),
        ("Airflow: memory, %", "Average", by_cluster("MemoryUtilization")),
        ("Runs by lane", "Sum", [[NAMESPACE, "Runs", *lanes, "Lane", task] for task in tasks]),
        ("Failed runs by class", "Sum", [[NAMESPACE, "Runs", *lanes, "Outcome", outcome] for outcome in outcomes]),
        ("Seconds per run", "Average", [[NAMESPACE, "Seconds", *lanes, "Lane", task] for task in tasks]),
        ("Cost of containers, USD", "Sum", [[NAMESPACE, "CostUsd", *lanes]]),
    ]  # fmt: skip

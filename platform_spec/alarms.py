"""The alarms of an environment: what is watched, from which value on, and what a person reads at night.

Pure, so that the monitoring stack, the runbook (docs/runbook.md has an entry per alarm) and the tests share one table.
Sources of metric names: MWAA user guide, "Apache Airflow environment metrics in CloudWatch" and "Container, queue, and
database metrics"; EventBridge user guide, "Monitoring Amazon EventBridge"; our own in run_metrics.py.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

from platform_spec import run_metrics
from platform_spec.naming import Names

Comparison = Literal[
    "GreaterThanThreshold", "GreaterThanOrEqualToThreshold", "LessThanThreshold", "LessThanOrEqualToThreshold"
]


@dataclass(frozen=True)
class Alarm:
    """One CloudWatch alarm. `id` is also the heading of its entry in the runbook.

    It goes off when `datapoints` of the last `periods` values (each over `period_seconds`) are beyond the threshold.
    """

    id: str
    meaning: str
    namespace: str
    metric: str
    statistic: Literal["Sum", "Average", "Minimum", "Maximum", "SampleCount"]
    comparison: Comparison
    threshold: float
    dimensions: dict[str, str] = field(hash=False)
    period_seconds: int = 300
    periods: int = 1
    datapoints: int = 1
    silence_is_bad: bool = False

    @property
    def description(self) -> str:
        return f"{self.meaning} What to do: docs/runbook.md#{self.id}"


# Stopped tasks that somebody should know of whether or not Airflow still does: rule → (meaning, pattern of `detail`).
STOPPED: dict[str, tuple[str, dict[str, object]]] = {
    "failed-to-start": ("ECS could not start a container.", {"stopCode": ["TaskFailedToStart"]}),
    "spot-interrupted": ("AWS took Spot capacity back.", {"stopCode": ["SpotInterruption"]}),
    "orphan-stopped": (
        "A container ran on although its Airflow task was over.",
        {"stopCode": ["UserInitiated"], "stoppedReason": [{"prefix": "tasklane reaper"}]},
    ),
}
# A blank or two in a plate is normal; a fifth of the samples is a broken upload or a wrong parameter.
QUARANTINED_PERCENT = 20
_STOPPED_IN_15_MINUTES = {"failed-to-start": 3, "spot-interrupted": 20, "orphan-stopped": 1}


def alarms(names: Names) -> list[Alarm]:
    """All alarms of the environment, in the order of the runbook."""
    return [*_airflow(names), *_airflow_health(names), *_lanes(names), *_stopped(names), *_pipelines(names)]


def _airflow(names: Names) -> Iterator[Alarm]:
    environment = {"Environment": names.mwaa_environment}
    yield Alarm(
        "scheduler-silent",
        "The Airflow scheduler sends no heartbeat: nothing new is started.",
        "AmazonMWAA",
        "SchedulerHeartbeat",
        "Sum",
        "LessThanThreshold",
        1,
        {"Function": "Scheduler", **environment},
        periods=3,
        datapoints=3,
        silence_is_bad=True,
    )
    yield Alarm(
        "dags-do-not-import",
        "A DAG file cannot be imported: its DAGs are missing or old.",
        "AmazonMWAA",
        "ImportErrors",
        "Maximum",
        "GreaterThanThreshold",
        0,
        {"Function": "DAG Processing", **environment},
        periods=3,
        datapoints=3,
    )
    yield Alarm(
        "tasks-wait",
        "Airflow tasks have waited for a worker for 15 minutes.",
        "AWS/MWAA",
        "ApproximateAgeOfOldestTask",
        "Maximum",
        "GreaterThanThreshold",
        900,
        {"Function": "Celery", **environment},
        periods=2,
        datapoints=2,
    )
    for part, cluster in (("worker", "BaseWorker"), ("scheduler", "Scheduler")):
        for metric, short, threshold in (("MemoryUtilization", "memory", 90), ("CPUUtilization", "cpu", 95)):
            yield Alarm(
                f"{part}-{short}",
                f"The Airflow {part} has used over {threshold} % of its {short} for half an hour.",
                "AWS/MWAA",
                metric,
                "Average",
                "GreaterThanThreshold",
                threshold,
                {"Cluster": cluster, **environment},
                periods=6,
                datapoints=6,
            )


def _airflow_health(names: Names) -> Iterator[Alarm]:
    """What MWAA recommends (user guide, "Monitoring dashboards and alarms") beyond the above, and the triggerer."""
    environment = {"Environment": names.mwaa_environment}
    yield Alarm(
        "triggerer-silent",
        "The Airflow triggerer sends no heartbeat: every deferred task waits, ended containers are not noticed.",
        "AmazonMWAA",
        "TriggererHeartbeat",  # so on the dashboards page; another page of the guide says TriggerHeartbeat
        "Sum",
        "LessThanThreshold",
        1,
        {"Function": "Triggerer", **environment},
        periods=3,
        datapoints=3,
        silence_is_bad=True,
    )
    parts = (
        ("web-server-cpu", "web server has used over 95 % of its CPU", "CPUUtilization", {"Cluster": "WebServer"}),
        (
            "web-server-memory",
            "web server has used over 95 % of its memory",
            "MemoryUtilization",
            {"Cluster": "WebServer"},
        ),
        ("database-cpu", "database has used over 95 % of its CPU", "CPUUtilization", {"DatabaseRole": "WRITER"}),
    )
    for id_, what, metric, part in parts:
        yield Alarm(
            id_,
            f"Airflow's {what} for 15 minutes.",
            "AWS/MWAA",
            metric,
            "Average",
            "GreaterThanThreshold",
            95,
            {**part, **environment},
            periods=3,
            datapoints=3,
        )
    yield Alarm(
        "database-memory",
        "Airflow's database has less than 512 MiB of free memory.",
        "AWS/MWAA",
        "FreeableMemory",
        "Average",
        "LessThanThreshold",
        512 * 1024**2,
        {"DatabaseRole": "WRITER", **environment},
        periods=3,
        datapoints=3,
    )


# Outcomes of runs (classes of failure), and how many in 15 minutes are worth a message.
RUN_OUTCOMES = {
    "image": (1, "Containers cannot pull their image."),
    "start": (1, "Containers do not start: network, secrets, roles or entry point."),
    "refused": (1, "AWS refuses a request of ours: rights, names or parameters."),
    "internal": (1, "The DAG kit itself failed."),
    "error": (5, "Containers end with an error."),
    "result": (1, "Containers end well and leave no valid result document."),
    "timeout": (3, "Containers run longer than their task.toml allows."),
    "memory": (5, "Containers need more memory than their largest size has."),
    "capacity": (10, "AWS has no capacity, or the account's quota is used up."),
    "input": (10, "Batches consist of nothing but bad input: many samples are quarantined."),
}


def _lanes(names: Names) -> Iterator[Alarm]:
    environment = {"Environment": names.env.name}
    for outcome, (threshold, meaning) in RUN_OUTCOMES.items():
        yield Alarm(
            f"runs-{outcome}",
            meaning,
            run_metrics.NAMESPACE,
            "Runs",
            "Sum",
            "GreaterThanOrEqualToThreshold",
            threshold,
            {**environment, "Outcome": outcome},
            period_seconds=900,
        )
    yield Alarm(
        "cost-per-day",
        "The containers of the last 24 hours cost more than expected (estimate, without MWAA and network).",
        run_metrics.NAMESPACE,
        "CostUsd",
        "Sum",
        "GreaterThanThreshold",
        names.env.daily_cost_alarm_usd,
        environment,
        period_seconds=86_400,
    )


def _stopped(names: Names) -> Iterator[Alarm]:
    for rule, (meaning, _) in STOPPED.items():
        yield Alarm(
            rule,
            meaning,
            "AWS/Events",
            "TriggeredRules",
            "Sum",
            "GreaterThanOrEqualToThreshold",
            _STOPPED_IN_15_MINUTES[rule],
            {"RuleName": names.event_rule(rule)},
            period_seconds=900,
        )


def _pipelines(names: Names) -> Iterator[Alarm]:
    environment = {"Environment": names.env.name}
    yield Alarm(
        "stuck-deferred",
        "Tasks have been deferred for 10 minutes and more although their container has ended.",
        run_metrics.NAMESPACE,
        run_metrics.STUCK,
        "Maximum",
        "GreaterThanThreshold",
        0,
        environment,
        period_seconds=900,
        periods=2,
        datapoints=2,
    )
    yield Alarm(
        "quarantine-rate",
        f"A pipeline has set aside more than {QUARANTINED_PERCENT} % of its samples.",
        run_metrics.PIPELINES_NAMESPACE,
        run_metrics.QUARANTINED,
        "Maximum",
        "GreaterThanThreshold",
        QUARANTINED_PERCENT,
        environment,
        period_seconds=3600,
    )
    for dag in sorted(dag for dag, on in names.env.schedules.items() if on):
        yield Alarm(
            f"late-{dag}",
            f"The scheduled pipeline {dag} has not ended well for six hours.",
            "AmazonMWAA",
            "DAGDurationSuccess",
            "SampleCount",
            "LessThanThreshold",
            1,
            {"DAG": dag, "Environment": names.mwaa_environment},
            period_seconds=21_600,
            silence_is_bad=True,
        )

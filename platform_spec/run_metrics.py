"""The metrics that every run of a lane leaves in CloudWatch: written by the DAG kit, read by alarms and dashboard."""

from __future__ import annotations

NAMESPACE = "Tasklane/Lanes"
# Metric → CloudWatch unit.
METRICS = {"Runs": "Count", "Containers": "Count", "Seconds": "Seconds", "CostUsd": "None", "PeakMemoryMib": "None"}
# Each run counts once under each of these sets. Outcome is "success" or a class (dags/lanes/attempts/failures.py).
DIMENSIONS = (
    ("Environment",),
    ("Environment", "Outcome"),
    ("Environment", "Lane"),
    ("Environment", "Lane", "Outcome"),
)

# Tasks that stay deferred although their container has ended: counted by the reaper, per environment.
STUCK = "StuckDeferred"
# What pipelines say of their own results, in their containers' logs (task_images/*/). Per environment.
PIPELINES_NAMESPACE = "Tasklane/Pipelines"
QUARANTINED = "QuarantinedPercent"

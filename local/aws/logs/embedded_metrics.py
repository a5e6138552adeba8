"""Metrics in log lines: the embedded metric format, turned into CloudWatch metrics as the lines arrive.

Source: Amazon CloudWatch User Guide, "Specification: Embedded metric format": a JSON object whose `_aws` member names
Namespace, Dimensions (sets of member names) and Metrics (Name, Unit); values and dimension values are root members; a
value may be a list; one datum per dimension set. Lines that break the specification stay plain log lines.
"""

import json
from collections.abc import Callable, Iterator
from typing import Any

from ministack.services import cloudwatch, cloudwatch_logs

Json = dict[str, Any]


def install() -> None:
    """Look at every batch of log events (PutLogEvents and the awslogs driver use the same function)."""
    stock: Callable[[Json], tuple] = cloudwatch_logs._put_log_events

    def put(data: Json) -> tuple:
        response = stock(data)
        if response[0] < 400:
            for event in data.get("logEvents", []):
                if '"_aws"' in event.get("message", ""):
                    _store(event)
        return response

    cloudwatch_logs._put_log_events = put


def _store(event: Json) -> None:
    try:
        document = json.loads(event["message"])
    except ValueError:
        return
    if not isinstance(document, dict) or not isinstance(document.get("_aws"), dict):
        return
    moment = document["_aws"].get("Timestamp", event.get("timestamp", 0)) / 1000
    for directive in document["_aws"].get("CloudWatchMetrics", []):
        data = [{**datum, "Timestamp": moment} for datum in _data(document, directive)]
        if data:
            request = {"Namespace": directive["Namespace"], "MetricData": data}
            cloudwatch._put_metric_data({}, request, is_cbor=False, is_json=True)


def _data(document: Json, directive: Json) -> Iterator[Json]:
    for names in directive.get("Dimensions") or [[]]:
        if not all(name in document for name in names):
            continue
        dimensions = [{"Name": name, "Value": str(document[name])} for name in names]
        for metric in directive.get("Metrics", []):
            value = document.get(metric.get("Name"))
            values = value if isinstance(value, list) else [value]
            if values and all(isinstance(one, int | float) for one in values):
                unit = metric.get("Unit", "None")
                yield {"MetricName": metric["Name"], "Dimensions": dimensions, "Unit": unit, "Values": values}

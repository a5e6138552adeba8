"""What teams spent: from the run metrics that every container leaves, and from Cost Explorer where there is one."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from botocore.exceptions import ClientError

from ops.errors import UserError
from ops.workspace import Workspace
from platform_spec.cost_tags import ENVIRONMENT_TAG, OWNER_TAG, PROJECT_TAG
from platform_spec.naming import PROJECT


@dataclass(frozen=True)
class TeamCost:
    """`usd`: containers at the list price on demand (`spot_usd` of it ran on Spot); `without_price` had none."""

    team: str
    runs: int
    containers: int
    hours: float
    usd: float
    spot_usd: float
    failed_usd: float
    without_price: int

    def as_dict(self) -> dict[str, Any]:
        return {k: round(v, 6) if isinstance(v, float) else v for k, v in asdict(self).items()}


def by_team(events: Iterable[Mapping[str, Any]], owners: Mapping[str, str]) -> list[TeamCost]:
    """`events` as dags/lanes/attempts/run_metrics.py writes them; `owners`: lane → owner (task.toml). Dearest first."""
    groups: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for event in events:
        if "Lane" not in event:  # the reaper's own, of tasks that are stuck
            continue
        lane = str(event["Lane"])
        groups[owners.get(lane, f"unknown (lane {lane})")].append(event)
    return sorted((_team(team, found) for team, found in groups.items()), key=lambda one: -one.usd)


def _team(team: str, events: list[Mapping[str, Any]]) -> TeamCost:
    def usd(found: Iterable[Mapping[str, Any]]) -> float:
        return sum(float(event.get("CostUsd", 0.0)) for event in found)

    return TeamCost(
        team,
        sum(int(event.get("Runs", 1)) for event in events),  # an array's batches that ended alike are one event
        sum(int(event.get("Containers", 1)) for event in events),
        sum(float(event.get("AllSeconds", event.get("Seconds", 0.0))) for event in events) / 3600,
        usd(events),
        sum(_spot(event) for event in events),
        usd(event for event in events if event.get("Outcome") != "success"),
        sum(int(event.get("Runs", 1)) for event in events if "CostUsd" not in event),
    )


def _spot(event: Mapping[str, Any]) -> float:
    if "SpotUsd" in event:
        return float(event["SpotUsd"])
    return float(event.get("CostUsd", 0.0)) if event.get("Capacity") == "spot" else 0.0


def run_events(workspace: Workspace, since: datetime, until: datetime) -> list[dict[str, Any]]:
    """The run metrics of an environment. UserError where its log group is not there."""
    group = workspace.names.lanes_log_group
    pages = workspace.client("logs").get_paginator("filter_log_events")
    found = []
    try:
        for page in pages.paginate(logGroupName=group, startTime=_millis(since), endTime=_millis(until)):
            found += [json.loads(event["message"]) for event in page["events"]]
    except ClientError as error:
        if error.response["Error"]["Code"] == "ResourceNotFoundException":
            raise UserError(f"{group} is not there: {workspace.environment_name} is not deployed") from None
        raise
    return found


def billed(workspace: Workspace, since: datetime, until: datetime) -> dict[str, float]:
    """Team → USD of the bill, by cost allocation tag (Cost Explorer; whole days, `until` not included; a call costs
    0.01 USD). Resources without the tag are under ""."""
    wanted = {PROJECT_TAG: PROJECT, ENVIRONMENT_TAG: workspace.environment_name}
    asked: dict[str, Any] = {
        "TimePeriod": {"Start": f"{since:%Y-%m-%d}", "End": f"{until + timedelta(days=1):%Y-%m-%d}"},
        "Granularity": "DAILY",
        "Metrics": ["UnblendedCost"],
        "Filter": {"And": [{"Tags": {"Key": key, "Values": [value]}} for key, value in wanted.items()]},
        "GroupBy": [{"Type": "TAG", "Key": OWNER_TAG}],
    }
    client, days = workspace.client("ce"), []
    while True:
        answer = client.get_cost_and_usage(**asked)
        days += answer["ResultsByTime"]
        if not answer.get("NextPageToken"):
            return sum_by_tag(days)
        asked["NextPageToken"] = answer["NextPageToken"]


def sum_by_tag(days: Iterable[Mapping[str, Any]]) -> dict[str, float]:
    """Cost Explorer names a group `key$value`."""
    found: dict[str, float] = defaultdict(float)
    for day in days:
        for group in day["Groups"]:
            found[group["Keys"][0].partition("$")[2]] += float(group["Metrics"]["UnblendedCost"]["Amount"])
    return dict(found)


def _millis(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)

"""Alarms, dashboards, event rules, policies of log groups (CloudWatch, EventBridge and Logs API References)."""

import json
from typing import Any

from local.aws.compare.readers.base import Deployed, Json, Reader


def _alarm(clients: Any, name: str, own: Json) -> Deployed:
    cloudwatch = clients("cloudwatch")
    found = cloudwatch.describe_alarms(AlarmNames=[name])["MetricAlarms"][0]
    tags = cloudwatch.list_tags_for_resource(ResourceARN=found["AlarmArn"])["Tags"]
    return Deployed({**found, "Tags": tags}, {"Arn": found["AlarmArn"]})


def _dashboard(clients: Any, name: str, own: Json) -> Deployed:
    body = clients("cloudwatch").get_dashboard(DashboardName=name)["DashboardBody"]
    return Deployed({"DashboardName": name, "DashboardBody": json.dumps(json.loads(body))})


def _rule(clients: Any, identifier: str, own: Json) -> Deployed:
    events = clients("events")
    bus, _, name = identifier.rpartition("|")
    name, bus = name or identifier, bus or own.get("EventBusName", "default")
    found = events.describe_rule(Name=name.rsplit("/", 1)[-1], EventBusName=bus)
    targets = events.list_targets_by_rule(Rule=found["Name"], EventBusName=bus)["Targets"]
    tags = events.list_tags_for_resource(ResourceARN=found["Arn"])["Tags"]
    properties = {**found, "Targets": targets, "Tags": tags}
    if "EventPattern" in properties:
        properties["EventPattern"] = json.loads(properties["EventPattern"])
    return Deployed(properties, {"Arn": found["Arn"]})


def _log_resource_policy(clients: Any, name: str, own: Json) -> Deployed:
    listed = clients("logs").describe_resource_policies()["resourcePolicies"]
    found = next(one for one in listed if one["policyName"] == name)
    return Deployed({"PolicyName": name, "PolicyDocument": found["policyDocument"]})


READERS: dict[str, Reader] = {
    "AWS::CloudWatch::Alarm": _alarm,
    "AWS::CloudWatch::Dashboard": _dashboard,
    "AWS::Events::Rule": _rule,
    "AWS::Logs::ResourcePolicy": _log_resource_policy,
}

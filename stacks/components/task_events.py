"""What ECS says when a task stops: kept in a log group, and counted where it needs a person."""

from __future__ import annotations

import json

from aws_cdk import Stack
from aws_cdk import aws_events as events
from aws_cdk import aws_kms as kms
from aws_cdk import aws_logs as logs
from constructs import Construct

from platform_spec.alarms import STOPPED
from platform_spec.environments import Environment
from platform_spec.naming import Names
from stacks.components.logs import OwnedLogGroup


class TaskEvents(Construct):
    """Rules on "ECS Task State Change" of our cluster: `stopped` keeps every end, the others are there to be counted.

    ECS forgets a stopped task after an hour; the log group keeps it for as long as every other log.
    """

    def __init__(self, scope: Construct, id_: str, *, settings: Environment, names: Names, key: kms.IKey) -> None:
        super().__init__(scope, id_)
        stack = Stack.of(self)
        group = OwnedLogGroup(self, "Log", name=names.task_events_log_group, settings=settings, key=key)
        # Events reach a log group by its resource policy (EventBridge user guide, "CloudWatch Logs permissions").
        name = names.event_rule("task-events")
        statement = {
            "Sid": "TaskEvents",
            "Effect": "Allow",
            "Principal": {"Service": ["events.amazonaws.com", "delivery.logs.amazonaws.com"]},
            "Action": ["logs:CreateLogStream", "logs:PutLogEvents"],
            "Resource": f"arn:{stack.partition}:logs:{stack.region}:{stack.account}:log-group:"
            f"{names.task_events_log_group}:*",
        }
        document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        policy = logs.CfnResourcePolicy(self, "Policy", policy_name=name, policy_document=document)
        cluster = stack.format_arn(service="ecs", resource="cluster", resource_name=names.cluster)
        group_arn = f"arn:{stack.partition}:logs:{stack.region}:{stack.account}:log-group:{names.task_events_log_group}"
        for rule, (meaning, detail) in {"stopped": ("Every task that ended.", {}), **STOPPED}.items():
            made = events.CfnRule(
                self,
                rule.title().replace("-", ""),
                name=names.event_rule(rule),
                description=meaning,
                event_pattern={
                    "source": ["aws.ecs"],
                    "detail-type": ["ECS Task State Change"],
                    "detail": {"clusterArn": [cluster], "lastStatus": ["STOPPED"], **detail},
                },
                # A rule must have a target to run; those that are only counted write to the same log group.
                targets=[events.CfnRule.TargetProperty(id="log", arn=group_arn)],
            )
            made.node.add_dependency(group, policy)

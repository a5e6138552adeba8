"""The alarms of platform_spec.alarms as CloudWatch alarms."""

from __future__ import annotations

from collections.abc import Iterable

from aws_cdk import aws_cloudwatch as cloudwatch
from constructs import Construct

from platform_spec.alarms import Alarm
from platform_spec.naming import Names, construct_id


class Alarms(Construct):
    """One alarm each; it tells `topic_arn` when it goes off and when all is well again."""

    def __init__(self, scope: Construct, id_: str, *, alarms: Iterable[Alarm], names: Names, topic_arn: str) -> None:
        super().__init__(scope, id_)
        for alarm in alarms:
            cloudwatch.CfnAlarm(
                self,
                construct_id(alarm.id.replace("-", "_")),
                alarm_name=names.alarm(alarm.id),
                alarm_description=alarm.description,
                namespace=alarm.namespace,
                metric_name=alarm.metric,
                statistic=alarm.statistic,
                dimensions=[
                    cloudwatch.CfnAlarm.DimensionProperty(name=name, value=value)
                    for name, value in sorted(alarm.dimensions.items())
                ],
                period=alarm.period_seconds,
                evaluation_periods=alarm.periods,
                datapoints_to_alarm=alarm.datapoints,
                threshold=alarm.threshold,
                comparison_operator=alarm.comparison,
                treat_missing_data="breaching" if alarm.silence_is_bad else "notBreaching",
                alarm_actions=[topic_arn],
                ok_actions=[topic_arn],
            )

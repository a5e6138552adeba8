"""CloudWatch Logs: metrics in lines become metrics, alarms follow them, and SNS tells who asked."""

import json
import time

import pytest
from botocore.exceptions import ClientError

from tests.local.emulator_process import Emulator
from tests.local.lane import Lane

PROGRAM = """
    import json
    metrics = [{"Name": "Seconds", "Unit": "Seconds"}]
    directive = {"Namespace": "Tasklane", "Dimensions": [["Task"], []], "Metrics": metrics}
    print(json.dumps({"_aws": {"Timestamp": 0, "CloudWatchMetrics": [directive]}, "Task": "t", "Seconds": [5, 7]}))
    print(json.dumps({"_aws": "not a directive"}))
    print('{"_aws": broken')
"""


def test_a_line_in_embedded_metric_format_is_a_metric_and_rings_its_alarm(emulator: Emulator) -> None:
    lane = Lane(emulator, PROGRAM.replace('"Timestamp": 0', f'"Timestamp": {int(time.time() * 1000)}'))
    cloudwatch, sns, sqs = (emulator.client(service) for service in ("cloudwatch", "sns", "sqs"))
    queue = sqs.create_queue(QueueName=lane.name)["QueueUrl"]
    queue_arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    topic = sns.create_topic(Name=lane.name)["TopicArn"]
    allow = {"Effect": "Allow", "Principal": {"Service": "sns.amazonaws.com"}, "Action": "sqs:SendMessage"}
    policy = {"Version": "2012-10-17", "Statement": [{**allow, "Resource": queue_arn}]}
    sqs.set_queue_attributes(QueueUrl=queue, Attributes={"Policy": json.dumps(policy)})
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue_arn)
    for name, task in ((lane.name, "t"), (f"{lane.name}-other", "other")):
        cloudwatch.put_metric_alarm(
            AlarmName=name,
            Namespace="Tasklane",
            MetricName="Seconds",
            Dimensions=[{"Name": "Task", "Value": task}],
            Statistic="Maximum",
            Period=60,
            EvaluationPeriods=1,
            Threshold=6,
            ComparisonOperator="GreaterThanThreshold",
            AlarmActions=[topic],
        )
    assert len(lane.lines(lane.finished()["taskArn"])) == 3
    listed = cloudwatch.list_metrics(Namespace="Tasklane", MetricName="Seconds")["Metrics"]
    assert sorted(metric["Dimensions"] for metric in listed) == [[], [{"Name": "Task", "Value": "t"}]]
    while not (messages := sqs.receive_message(QueueUrl=queue).get("Messages")):
        pass
    notice = json.loads(json.loads(messages[0]["Body"])["Message"])
    assert (notice["AlarmName"], notice["NewStateValue"]) == (lane.name, "ALARM")
    [other] = cloudwatch.describe_alarms(AlarmNames=[f"{lane.name}-other"])["MetricAlarms"]
    assert other["StateValue"] == "INSUFFICIENT_DATA", "an alarm looks at the metric with its dimensions alone"


def test_filter_log_events_pages_through_many_streams_in_order(emulator: Emulator) -> None:
    logs, group = emulator.client("logs"), "/filtered"
    logs.create_log_group(logGroupName=group)
    for name in ("a", "b"):
        logs.create_log_stream(logGroupName=group, logStreamName=name)
    for name, first in (("a", 0), ("b", 1)):
        events = [{"timestamp": 1000 + first + 2 * n, "message": f"{name}{n}"} for n in range(5)]
        logs.put_log_events(logGroupName=group, logStreamName=name, logEvents=events)
    found, more = [], {}
    while True:
        page = logs.filter_log_events(logGroupName=group, logStreamNames=["a", "b"], limit=3, startTime=1002, **more)
        assert len(page["events"]) <= 3
        found += page["events"]
        if "nextToken" not in page:
            break
        more = {"nextToken": page["nextToken"]}
    assert [event["message"] for event in found] == ["a1", "b1", "a2", "b2", "a3", "b3", "a4", "b4"]
    assert len({event["eventId"] for event in found}) == 8


def test_filter_log_events_refuses_unknown_streams_and_too_many(emulator: Emulator) -> None:
    logs, group = emulator.client("logs"), "/refused"
    logs.create_log_group(logGroupName=group)
    with pytest.raises(logs.exceptions.ResourceNotFoundException):
        logs.filter_log_events(logGroupName=group, logStreamNames=["gone"])
    with pytest.raises(ClientError, match="101 names"):
        logs.filter_log_events(logGroupName=group, logStreamNames=[f"s{n}" for n in range(101)])

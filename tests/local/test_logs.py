"""CloudWatch Logs: metrics in lines become metrics, alarms follow them, and SNS tells who asked."""

import json
import time

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
    cloudwatch.put_metric_alarm(
        AlarmName=lane.name,
        Namespace="Tasklane",
        MetricName="Seconds",
        Dimensions=[{"Name": "Task", "Value": "t"}],
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

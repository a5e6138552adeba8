"""SNS topics, their policies and subscriptions, SQS queues (Amazon SNS and Amazon SQS API References)."""

import json
from typing import Any

from local.aws.compare.readers.base import Deployed, Json, Reader


def _topic(clients: Any, arn: str, own: Json) -> Deployed:
    sns = clients("sns")
    attributes = sns.get_topic_attributes(TopicArn=arn)["Attributes"]
    listed = sns.list_subscriptions_by_topic(TopicArn=arn)["Subscriptions"]
    properties = {
        "TopicName": arn.rsplit(":", 1)[-1],
        "Tags": sns.list_tags_for_resource(ResourceArn=arn)["Tags"],
        "Subscription": [{key: one[key] for key in ("Protocol", "Endpoint")} for one in listed],
        **{key: attributes[key] for key in ("DisplayName", "KmsMasterKeyId", "TracingConfig") if key in attributes},
    }
    return Deployed(properties, {"TopicArn": arn, "TopicName": properties["TopicName"]})


def _topic_policy(clients: Any, identifier: str, own: Json) -> Deployed:
    policies = [clients("sns").get_topic_attributes(TopicArn=arn)["Attributes"]["Policy"] for arn in own["Topics"]]
    return Deployed({"Topics": own["Topics"], "PolicyDocument": policies[0]})


def _subscription(clients: Any, arn: str, own: Json) -> Deployed:
    sns = clients("sns")
    pages = sns.get_paginator("list_subscriptions_by_topic").paginate(TopicArn=own["TopicArn"])
    listed = [one for page in pages for one in page["Subscriptions"]]
    # Until the owner of an address has confirmed it, its subscription is listed without its ARN.
    names = (arn, "PendingConfirmation")
    found = next(one for one in listed if one["SubscriptionArn"] in names and one["Endpoint"] == own["Endpoint"])
    return Deployed({**sns.get_subscription_attributes(SubscriptionArn=arn)["Attributes"], **found})


def _queue(clients: Any, url: str, own: Json) -> Deployed:
    found = clients("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    properties = {**found, "QueueName": found["QueueArn"].rsplit(":", 1)[-1]}
    if "RedrivePolicy" in properties:
        properties["RedrivePolicy"] = json.loads(properties["RedrivePolicy"])
    properties["Tags"] = clients("sqs").list_queue_tags(QueueUrl=url).get("Tags", {})
    return Deployed(properties, {"Arn": found["QueueArn"], "QueueName": properties["QueueName"], "QueueUrl": url})


READERS: dict[str, Reader] = {
    "AWS::SNS::Topic": _topic,
    "AWS::SNS::TopicPolicy": _topic_policy,
    "AWS::SNS::Subscription": _subscription,
    "AWS::SQS::Queue": _queue,
}

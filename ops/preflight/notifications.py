"""Who is told of failures, as the account has it: the Slack webhook's secret, and the subscribers of the alarm topic.

A mistake here is seen by nobody until the night on which nobody is told.
"""

import json
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from botocore.exceptions import BotoCoreError, ClientError

from ops.finding import Finding
from ops.infrastructure.stacks import deployed_stack
from ops.workspace import Workspace
from platform_spec.notification_settings import ADDRESS
from platform_spec.webhook import is_webhook

GUIDE = "docs/how-to/add-an-environment.md, Who hears of failures"
_DEFAULT_KEY = "alias/aws/secretsmanager"
_UNUSABLE = {
    "ResourceNotFoundException": "is missing, or has no value",
    "InvalidRequestException": "is marked for deletion",
    "DecryptionFailure": "cannot be decrypted with its key",
}


def check_notifications(workspace: Workspace, notes: list[str]) -> Iterator[Finding]:
    """`notes` gets what could not be looked at. No finding and no note holds the webhook's address."""
    checks = [("alarm topic", _check_topic)]
    if workspace.environment.notifications.failures == "slack":
        checks.append(("Slack webhook", _check_webhook))
    for name, check in checks:
        try:
            yield from check(workspace, notes)
        except (ClientError, BotoCoreError) as error:
            notes.append(f"{name}: could not be asked for ({str(error)[:200]})")


def _check_webhook(workspace: Workspace, notes: list[str]) -> Iterator[Finding]:
    name, client = workspace.names.slack_secret, workspace.client("secretsmanager")
    why = f"failures would be told to nobody ({GUIDE})"
    put = f"aws secretsmanager put-secret-value --secret-id {name} --secret-string file://webhook-url"
    fixes = {
        "ResourceNotFoundException": put.replace("put-secret-value --secret-id", "create-secret --name"),
        "InvalidRequestException": f"aws secretsmanager restore-secret --secret-id {name}",
    }
    try:
        text = client.get_secret_value(SecretId=name).get("SecretString")
    except ClientError as error:
        code = error.response["Error"]["Code"]
        if code not in _UNUSABLE:
            raise
        fix = fixes.get(code, f"enable its key, or store the value anew: {put}")
        yield Finding("Slack webhook", f"secret {name}", _UNUSABLE[code], why, fix)
        return
    if text is None:
        yield Finding("Slack webhook", f"secret {name}", "holds bytes, not text", why, put)
    elif not is_webhook(text.strip()):
        what = "does not hold the https:// address of an incoming webhook and nothing else (no JSON, no quotes)"
        yield Finding("Slack webhook", f"secret {name}", what, why, put)
    key = client.describe_secret(SecretId=name).get("KmsKeyId") or _DEFAULT_KEY
    own = workspace.names.key_alias
    if not key.endswith((_DEFAULT_KEY, own)) and _key_id(key) != _own_key(workspace):
        what = "is encrypted with a key that is neither the environment's nor Secrets Manager's own"
        fix = f"aws secretsmanager update-secret --secret-id {name} --kms-key-id {own}"
        yield Finding("Slack webhook", f"secret {name}", what, f"the MWAA role may not use it; {why}", fix)


def _check_topic(workspace: Workspace, notes: list[str]) -> Iterator[Finding]:
    environment, names = workspace.environment, workspace.names
    arn = f"arn:aws:sns:{environment.region}:{environment.account}:{names.alarm_topic}"
    stack = deployed_stack(workspace, names.stack("monitoring"))
    if stack is None or not stack.usable:
        notes.append(f"alarm topic: {names.alarm_topic} is not deployed yet; its subscribers must confirm afterwards")
        return
    pages = workspace.client("sns").get_paginator("list_subscriptions_by_topic").paginate(TopicArn=arn)
    subscribers = [one for page in pages for one in page["Subscriptions"] if one["SubscriptionArn"] != "Deleted"]
    for one in subscribers:
        yield from _check_subscriber(one, arn)
    address, endpoints = environment.alarm_address, {one["Endpoint"] for one in subscribers}
    declared = [r["Properties"].get("Endpoint") for r in stack.template.get("Resources", {}).values()
                if r["Type"] == "AWS::SNS::Subscription"]  # fmt: skip
    if address and address not in endpoints:
        if address in declared:
            what = f"{address} was subscribed and is so no more"
            why = "somebody followed the link at the end of a message; CloudFormation does not see it"
            fix = f"aws sns subscribe --topic-arn {arn} --protocol email --notification-endpoint {address}"
            yield Finding("alarm topic", names.alarm_topic, what, why, fix)
        else:
            notes.append(f"alarm topic: the next deployment subscribes {address}, who must confirm")
    elif not subscribers:
        where = f"environments/{environment.name}.toml"
        notes.append(
            f"alarm topic: nobody subscribes to {names.alarm_topic} (set alarm_address in {where}, or subscribe)"
        )


def _check_subscriber(one: dict[str, Any], topic_arn: str) -> Iterator[Finding]:
    protocol, endpoint = one["Protocol"], one["Endpoint"]
    shown = _shown(protocol, endpoint)
    where = f"{topic_arn.rsplit(':', 1)[-1]}, subscriber {protocol} {shown}"
    again = f"aws sns subscribe --topic-arn {topic_arn} --protocol"
    if protocol.startswith("email") and not re.fullmatch(ADDRESS, endpoint):
        fix = f"unsubscribe it, then {again} email --notification-endpoint <someone@example.com>"
        yield Finding("alarm topic", where, "is no e-mail address", "the messages reach nobody", fix)
    elif protocol == "http" or (protocol == "https" and not is_webhook(endpoint)):
        why = "messages hold the end of a task's log, and would travel open or nowhere (docs/security.md)"
        fix = f"unsubscribe it, then {again} https --notification-endpoint <https://…>"
        yield Finding("alarm topic", where, "is no https:// address", why, fix)
    elif one["SubscriptionArn"] == "PendingConfirmation":
        why = "SNS sends it nothing before that, and the request is valid for a few days (SNS API reference, Subscribe)"
        fix = f"follow the link of the message that AWS sent there, or send it again: {again} {protocol} …"
        yield Finding("alarm topic", where, "has not confirmed", why, fix)


def _shown(protocol: str, endpoint: str) -> str:
    """An address of the web without what may be a key in it."""
    return f"{urlsplit(endpoint).hostname or '?'}/…" if protocol.startswith("http") else endpoint


def _own_key(workspace: Workspace) -> str:
    """Id of the environment's key; "" before its first deployment."""
    client = workspace.client("ssm")
    try:
        published = client.get_parameter(Name=workspace.names.parameter("storage"))["Parameter"]["Value"]
    except client.exceptions.ParameterNotFound:
        return ""
    return _key_id(json.loads(published)["key_arn"])


def _key_id(key: str) -> str:
    return key.rsplit("/", 1)[-1]

"""Where a notice goes: an SNS topic, or a Slack channel through its incoming webhook.

Errors never hold the webhook's address: whoever knows it may write into the channel.
"""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from typing import Any

from lanes.notifications.notice import Notice
from platform_spec.webhook import is_webhook

SECONDS = 10.0
TRIES = 3
_AGAIN = frozenset({429, 500, 502, 503, 504})


class NotSent(Exception):
    """The notice did not go out; the message says why, without secrets."""


def publish_to_topic(notice: Notice, topic_arn: str, region: str) -> None:
    """Subscribers may filter by the attributes `dag_id`, `class` and `owner`."""
    attributes = {"dag_id": notice.dag_id, "class": notice.failure_class, "owner": notice.owner}
    _client("sns", region).publish(
        TopicArn=topic_arn,
        Subject=notice.subject,
        Message=notice.text,
        MessageAttributes={name: {"DataType": "String", "StringValue": text} for name, text in attributes.items()},
    )


def post_to_slack(notice: Notice, secret: str, region: str) -> None:
    """`secret` names the Secrets Manager secret that holds the webhook's URL, and nothing else."""
    url = _client("secretsmanager", region).get_secret_value(SecretId=secret)["SecretString"].strip()
    if not is_webhook(url):
        raise NotSent(f"secret {secret} holds no https:// address of a webhook")
    _post(url, json.dumps(slack_message(notice)).encode())


def slack_message(notice: Notice) -> dict[str, Any]:
    """Slack, "Formatting text": & < > are its control characters; nothing of a log may mention or link anybody."""
    facts = "\n".join(f"*{label}*: {_plain(value)}" for label, value in notice.facts.items())
    detail = _plain(notice.detail).replace("```", "'''")
    return {"text": f"*{_plain(notice.subject)}*\n{facts}\n```{detail}```", "unfurl_links": False}


def _plain(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _post(url: str, body: bytes) -> None:
    """Tried again only where the message certainly has not arrived."""
    request = urllib.request.Request(url, body, {"Content-Type": "application/json"})  # noqa: S310 (see is_webhook)
    opener = urllib.request.build_opener(_NoRedirects)
    for attempt in range(1, TRIES + 1):
        try:
            with opener.open(request, timeout=SECONDS):
                return
        except urllib.error.HTTPError as error:
            if error.code not in _AGAIN or attempt == TRIES:
                raise NotSent(f"the webhook answered {error.code}") from None
        except OSError as error:
            refused = isinstance(getattr(error, "reason", error), ConnectionRefusedError)
            if not refused or attempt == TRIES:
                raise NotSent(f"the webhook cannot be reached ({type(error).__name__})") from None
        time.sleep(attempt)


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """The address is the secret: it is not handed on."""

    def redirect_request(self, *_: Any) -> None:
        return None


def _client(service: str, region: str) -> Any:
    import boto3  # here, not above: DAG files are parsed without it
    from botocore.config import Config

    limits = Config(connect_timeout=SECONDS, read_timeout=SECONDS, retries={"total_max_attempts": TRIES})
    return boto3.client(service, region_name=region, config=limits)

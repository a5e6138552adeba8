"""Who subscribes with an address has to confirm it; until then the lists show `PendingConfirmation` and no ARN.

Source: Amazon SNS API Reference, Subscribe ("If the endpoint type is HTTP/S or email … the endpoint owner must run the
ConfirmSubscription action") and ListSubscriptionsByTopic.
ministack confirms e-mail by itself, and lists ARNs at once.
"""

import uuid
from collections.abc import Callable, Iterator
from typing import Any

from ministack.services import sns

from local.aws.cloudformation.registry import Json, after

Response = tuple[int, dict[str, str], Any]
_MAIL = ("email", "email-json")


class Unknown(LookupError):
    """Nobody subscribes to that topic with that address."""


def install() -> None:
    """Wrap the calls (SNS's handler looks them up at each request)."""
    sns._subscribe = _asking(sns._subscribe)
    sns._list_subscriptions = _hiding(sns._list_subscriptions)
    sns._list_subscriptions_by_topic = _hiding(sns._list_subscriptions_by_topic)
    after("AWS::SNS::Subscription", _subscribed)


def confirm(topic_arn: str, endpoint: str) -> None:
    """What the owner of the address does: open the link of the message that SNS sent. Raises Unknown."""
    for subscription in _of(topic_arn):
        if subscription["endpoint"] == endpoint:
            subscription.update(confirmed=True, token=None)
            subscription["attributes"]["PendingConfirmation"] = "false"
            return
    raise Unknown(f"nobody subscribes to {topic_arn} as {endpoint}")


def _asking(stock: Callable[[Json], Response]) -> Callable[[Json], Response]:
    def subscribe(params: Json) -> Response:
        topic_arn = sns._p(params, "TopicArn")
        known = {subscription["arn"] for subscription in _of(topic_arn)}
        status, headers, body = stock(params)
        for subscription in _of(topic_arn):
            if subscription["arn"] not in known and subscription["protocol"] in _MAIL:
                _ask(subscription)
                body = _text(body).replace(subscription["arn"], "pending confirmation")
        return status, headers, body

    return subscribe


def _hiding(stock: Callable[[Json], Response]) -> Callable[[Json], Response]:
    def listed(params: Json) -> Response:
        status, headers, body = stock(params)
        text = _text(body)
        for topic in sns._topics.values():
            for subscription in topic["subscriptions"]:
                if not subscription["confirmed"]:
                    text = text.replace(subscription["arn"], "PendingConfirmation")
        return status, headers, text

    return listed


def _subscribed(arn: str, properties: Json, old: Json | None) -> Json:
    for subscription in _of(properties.get("TopicArn", "")):
        # A changed address is a new subscription (Update requires: Replacement): only a kept one stays confirmed.
        if subscription["arn"] == arn and subscription["protocol"] in _MAIL and "token" not in subscription:
            _ask(subscription)
    return {}


def _ask(subscription: Json) -> None:
    subscription.update(confirmed=False, token=str(uuid.uuid4()))
    subscription["attributes"]["PendingConfirmation"] = "true"


def _of(topic_arn: str) -> Iterator[Json]:
    yield from (sns._topics.get(topic_arn) or {}).get("subscriptions", [])


def _text(body: Any) -> str:
    return body.decode() if isinstance(body, bytes) else str(body)

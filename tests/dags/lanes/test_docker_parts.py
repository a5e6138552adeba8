"""Parts of the lane docker that need no engine: the credentials' address, lines in pieces, verdicts."""

import datetime as dt
import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, cast

import pytest

from lanes.attempts.failures import Kind
from lanes.docker.credentials import TOKEN, URI, CredentialsAddress
from lanes.docker.ended_by import ended_by_kernel
from lanes.docker.log import _events
from lanes.docker.verdict import of_state


class Role:
    """AssumeRole: sessions that end after `minutes`."""

    def __init__(self, minutes: int) -> None:
        self.minutes, self.sessions = minutes, 0

    def __call__(self) -> dict[str, Any]:
        self.sessions += 1
        end = dt.datetime.now(dt.UTC) + dt.timedelta(minutes=self.minutes)
        return {"AccessKeyId": f"k{self.sessions}", "SecretAccessKey": "s", "SessionToken": "t", "Expiration": end}


def asked(told: dict[str, str], token: str | None = None) -> dict[str, str]:
    headers = {"Authorization": told[TOKEN] if token is None else token}
    with urllib.request.urlopen(urllib.request.Request(told[URI], headers=headers), timeout=60) as answer:  # noqa: S310
        found: dict[str, str] = json.load(answer)
        return found


def test_sessions_are_served_to_the_holder_of_the_token_and_renewed() -> None:
    long, short = Role(60), Role(10)
    address = CredentialsAddress(long)
    told = address.open()
    assert told[URI].startswith("http://127.0.0.1:")
    assert asked(told)["AccessKeyId"] == asked(told)["AccessKeyId"] == "k1"
    with pytest.raises(urllib.error.HTTPError, match="403"):
        asked(told, "guessed")
    address.close()
    nearly_over = CredentialsAddress(short)
    told = nearly_over.open()
    assert asked(told)["AccessKeyId"] != asked(told)["AccessKeyId"]  # SDKs would ask again and again
    nearly_over.close()


def test_the_next_worker_serves_the_same_address_or_says_that_it_cannot(caplog: pytest.LogCaptureFixture) -> None:
    first, second, third = (CredentialsAddress(Role(60)) for _ in range(3))
    told = first.open()
    second.open_again(told)
    assert "credentials end within the hour and cannot be renewed" in caplog.text
    first.close()
    third.open_again(told)
    assert asked(told)["AccessKeyId"] == "k1"
    third.close()


def test_a_line_that_was_written_in_parts_is_one_line() -> None:
    pieces = [b"2026-11-20T17:14:21Z no such ", b"2026-11-20T17:14:22Z column", b"2026-11-20T17:14:22Z \n", b"odd"]
    whole, rest = _events(pieces)
    assert (whole["message"], rest["message"]) == ("no such column", "odd")
    first = dt.datetime(2026, 11, 20, 17, 14, 21, tzinfo=dt.UTC)
    assert whole["timestamp"] == int(first.timestamp() * 1000)


@dataclass
class Events:
    """What an engine remembers of a container."""

    actions: list[str]
    name: str = "Engine"

    def version(self) -> dict[str, Any]:
        return {"Components": [{"Name": self.name}]}

    def events(self, **asked: Any) -> Iterator[dict[str, str]]:
        assert asked["filters"]["container"] == "c1"
        assert float(asked["since"]) <= float(asked["until"])
        return iter({"Action": action} for action in self.actions)


@pytest.mark.parametrize(
    ("actions", "by_kernel"),
    [(["die"], True), (["kill", "die"], False), (["die", "stop"], False), ([], False)],  # the last: it was started anew
)
def test_the_kernel_ended_what_died_unasked(actions: list[str], by_kernel: bool) -> None:
    assert ended_by_kernel(cast("Any", Events(actions)), "c1", 1.0) is by_kernel
    assert ended_by_kernel(cast("Any", Events(actions, "Podman Engine")), "c1", 1.0)  # it cannot be asked


@pytest.mark.parametrize(
    ("state", "by_kernel", "kind"),
    [
        ({"ExitCode": 137, "OOMKilled": True}, False, Kind.MEMORY),
        ({"ExitCode": 137, "OOMKilled": False}, False, Kind.STOPPED),
        ({"ExitCode": 137, "OOMKilled": False}, True, Kind.MEMORY),
        ({"ExitCode": 1, "OOMKilled": True}, False, Kind.MEMORY),  # a child of the program
        ({"ExitCode": 127, "Error": "exec: not found"}, False, Kind.START),
    ],
)
def test_who_killed_it(state: dict[str, Any], by_kernel: bool, kind: Kind) -> None:
    failure = of_state(state, stop_reason="", attempt_id="a", memory_mib=128, by_kernel=by_kernel)
    assert failure is not None
    assert failure.kind is kind

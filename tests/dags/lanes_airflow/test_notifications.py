"""Who is told of a failure and who is not; what a webhook may answer. A failure to tell never fails anything."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from types import SimpleNamespace

import pytest

from lanes import notify_failure
from lanes.notifications import channels

SECRET_PATH = "/services/T0/B0/secret-part"


class Webhook(HTTPServer):
    """Answers with `codes`, one after the other, then 200; `bodies` is what it was told."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answer)
        self.codes: list[int] = []
        self.bodies: list[dict] = []
        self.url = f"http://127.0.0.1:{self.server_port}{SECRET_PATH}"


class Answer(BaseHTTPRequestHandler):
    server: Webhook

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.bodies.append(json.loads(body))
        code = self.server.codes.pop(0) if self.server.codes else 200
        self.send_response(code)
        if code == 302:
            self.send_header("Location", self.server.url + "/elsewhere")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        return


@pytest.fixture
def webhook() -> Iterator[Webhook]:
    server = Webhook()
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def slack(manifest, monkeypatch, webhook):
    """The environment tells Slack; the secret holds what the test says."""
    manifest(notifications={"channel": "slack", "target": "tasklane-dev/notifications/slack-webhook"})
    secret = SimpleNamespace(value=webhook.url)
    answers = SimpleNamespace(get_secret_value=lambda SecretId: {"SecretString": secret.value})
    monkeypatch.setattr(channels, "_client", lambda service, region: answers)
    monkeypatch.setattr(channels.time, "sleep", lambda seconds: None)
    return secret


def failed(conf: dict | None = None) -> dict:
    ti = SimpleNamespace(dag_id="d", run_id="r", task_id="t", map_index=-1, try_number=2, log_url="http://airflow/x")
    return {
        "ti": ti,
        "dag_run": SimpleNamespace(conf=conf),
        "task": SimpleNamespace(owner="me"),
        "exception": ValueError("wrong"),
    }


@pytest.mark.parametrize("codes", [[], [429], [503, 500]])
def test_one_message_reaches_slack(slack, webhook, codes):
    webhook.codes = list(codes)
    notify_failure(failed())
    assert len(webhook.bodies) == len(codes) + 1
    assert "[dev] d.t failed: ValueError" in webhook.bodies[-1]["text"]


@pytest.mark.parametrize(
    ("codes", "asked", "told"),
    [
        ([404], 1, "the webhook answered 404"),
        ([302], 1, "the webhook answered 302"),
        ([500, 500, 500, 500], 3, "the webhook answered 500"),
    ],
)
def test_what_the_webhook_refuses_is_logged_without_its_address(slack, webhook, caplog, codes, asked, told):
    webhook.codes = list(codes)
    notify_failure(failed())
    assert len(webhook.bodies) == asked
    assert told in caplog.text
    assert "secret-part" not in caplog.text


@pytest.mark.parametrize(
    "address", ["http://example.com/services/secret-part", "file:///etc/passwd#secret-part", "secret-part", "http://["]
)
def test_only_https_or_this_machine(slack, caplog, address):
    slack.value = address
    notify_failure(failed())
    assert "holds no https:// address" in caplog.text
    assert "secret-part" not in caplog.text


def test_nobody_listens(slack, webhook, caplog):
    slack.value = webhook.url.replace(str(webhook.server_port), "9")
    notify_failure(failed())
    assert "the webhook cannot be reached" in caplog.text
    assert "secret-part" not in caplog.text


def test_a_batch_of_a_fan_out_is_told_by_its_fan_out(slack, webhook):
    notify_failure(failed({"fan_out": {"dag_id": "parent"}}))
    assert webhook.bodies == []


def test_an_environment_that_tells_nobody(manifest, monkeypatch):
    manifest()
    monkeypatch.setattr(channels, "_client", lambda *_: pytest.fail("nobody is to be told"))
    notify_failure(failed())

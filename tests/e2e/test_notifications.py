"""Failures as people get them: real Airflow, a topic and a queue, a webhook. One message for each final failure."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import queue_of
from tests.faults.airflow_client import Observer, eventually
from tests.faults.world import World

DAGS = {
    "broken.py": """
import datetime as dt
from airflow.sdk import DAG, task
from lanes import notify_failure, run_task
AGAIN = {"owner": "tests", "on_failure_callback": notify_failure, "retries": 1, "retry_delay": dt.timedelta(seconds=1)}
SETTINGS = {"schedule": None, "start_date": dt.datetime(2026, 1, 1, tzinfo=dt.UTC), "catchup": False}
with DAG("plain", default_args=AGAIN, **SETTINGS):
    @task
    def work(ti=None):
        raise ValueError(f"cannot work, attempt {ti.try_number} <!channel>")
    work()
with DAG("recovers", default_args=AGAIN, **SETTINGS):
    @task
    def work(ti=None):
        if ti.try_number == 1:
            raise ValueError("not yet")
    work()
with DAG("finishes", default_args=AGAIN, **SETTINGS):
    run_task("probe", task_id="work", command=["ok", "0"])
with DAG("container", default_args={**AGAIN, "retries": 0}, **SETTINGS):
    run_task("probe", task_id="work", command=["error", "0"])
""",
}
SECRET = "tasklane-faults/notifications/slack-webhook"


class Inbox(HTTPServer):
    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Post)
        self.texts: list[str] = []


class Post(BaseHTTPRequestHandler):
    server: Inbox

    def do_POST(self) -> None:
        self.server.texts.append(json.loads(self.rfile.read(int(self.headers["Content-Length"])))["text"])
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        return


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    made = World(tmp_path_factory.mktemp("notifications"), "3.0.6", DAGS)
    try:
        made.start_emulator()
        made.deploy()
        made.start_airflow()
        yield made
    finally:
        made.close()


@pytest.fixture
def slack(world: World) -> Iterator[Inbox]:
    inbox = Inbox()
    thread = threading.Thread(target=inbox.serve_forever, args=(0.05,))
    thread.start()
    world.client("secretsmanager").create_secret(
        Name=SECRET, SecretString=f"http://127.0.0.1:{inbox.server_port}/services/secret-part"
    )
    yield inbox
    inbox.shutdown()
    thread.join()
    inbox.server_close()


def tell(world: World, channel: str, target: str) -> None:
    """What the release writes into the manifest; every Airflow task reads it when it starts."""
    path = Path(world.state.folder) / "dags/manifest.json"
    manifest = json.loads(path.read_text()) | {"notifications": {"channel": channel, "target": target}}
    path.write_text(json.dumps(manifest))


def run(world: World, dag_id: str, **conf: Any) -> str:
    """Start a run and wait for its end; returns its state."""
    observer = Observer(world)
    run_id = observer.trigger(dag_id, **conf)
    ended = ("success", "failed")
    return str(
        eventually(f"the end of {dag_id}", lambda: (s := observer.run_state(dag_id, run_id)) in ended and s, 120)
    )


def topic_with_queue(world: World, name: str = "failures") -> tuple[str, str]:
    """ARN of a topic and URL of a queue that gets its messages."""
    topic = world.client("sns").create_topic(Name=name)["TopicArn"]
    return topic, queue_of(topic, world.client("sns"), world.client("sqs"), name)


def received(world: World, url: str) -> list[dict[str, Any]]:
    """All that is in the queue now."""
    sqs, found = world.client("sqs"), []
    while messages := sqs.receive_message(QueueUrl=url, WaitTimeSeconds=1, MaxNumberOfMessages=10).get("Messages"):
        for message in messages:
            found.append(json.loads(message["Body"]))
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    return found


def test_one_message_for_each_final_failure(world: World) -> None:
    topic, url = topic_with_queue(world)
    tell(world, "sns", topic)
    assert run(world, "plain") == "failed"
    assert run(world, "recovers") == "success"
    assert run(world, "plain", fan_out={"dag_id": "parent"}) == "failed"
    assert run(world, "finishes") == "success"
    assert run(world, "container") == "failed"
    plain, container = sorted(received(world, url), key=lambda message: message["Subject"], reverse=True)
    assert plain["Subject"] == "[faults] plain.work failed: ValueError"
    assert "attempt: 2\n" in plain["Message"]
    assert "cannot work, attempt 2" in plain["Message"]
    assert "Airflow log: http://" in plain["Message"]
    assert container["Subject"] == "[faults] container.work failed: error"
    assert "probe error line 4" in container["Message"]  # the end of the container's log
    assert "console.aws.amazon.com/ecs/v2" in container["Message"]
    assert "docs/runbook.md#runs-error" in container["Message"]
    assert container["MessageAttributes"]["class"]["Value"] == "error"


def test_slack(world: World, slack: Inbox) -> None:
    tell(world, "slack", SECRET)
    assert run(world, "plain") == "failed"
    [text] = slack.texts
    assert text.startswith("*[faults] plain.work failed: ValueError*")
    assert "&lt;!channel&gt;" in text


def test_who_cannot_be_told_changes_nothing_and_is_logged(world: World) -> None:
    tell(world, "sns", "arn:aws:sns:us-east-1:000000000000:no-such-topic")
    observer = Observer(world)
    run_id = observer.trigger("plain")
    eventually("the end", lambda: observer.run_state("plain", run_id) == "failed", 120)
    assert "the failure was not told to anybody: NotFound" in observer.log("plain", run_id, 2)
    assert "cannot work, attempt 2" in observer.log("plain", run_id, 2)

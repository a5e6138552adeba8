"""`tasklane run` over MWAA's InvokeRestApi: one request of a person is one run, though the SDK sends calls again."""

import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from ops.airflow_state.rest import AirflowRest
from ops.errors import UserError
from ops.runs.start import start_run, why_it_waits
from ops.workspace import Workspace
from tests.ops.repository import make_repository


class Mwaa:
    """Runs by id. `lost`: how many calls that start a run are carried out and then answered like a time-out."""

    def __init__(self) -> None:
        self.runs: dict[str, dict[str, Any]] = {}
        self.lost, self.kind = 0, "InternalServerException"

    def answer(self, asked: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        path, body = asked["Path"], asked.get("Body")
        if asked["Method"] == "POST":
            run_id = body["dag_run_id"] if "dag_run_id" in body else f"airflow-{len(self.runs)}"
            if run_id in self.runs:
                return self.airflow(409)
            self.runs[run_id] = {"dag_run_id": run_id, "state": "queued", "logical_date": body["logical_date"]}
            if self.lost:
                self.lost -= 1
                return 500 if self.kind == "InternalServerException" else 400, {"__type": self.kind}
            return 200, {"RestApiStatusCode": 200, "RestApiResponse": self.runs[run_id]}
        found = next(
            (run for run_id, run in self.runs.items() if path.endswith(run_id.replace(":", "%3A").replace("+", "%2B"))),
            None,
        )
        return (200, {"RestApiStatusCode": 200, "RestApiResponse": found}) if found else self.airflow(404)

    def airflow(self, status: int) -> tuple[int, dict[str, Any]]:
        return 400, {"__type": "RestApiClientException", "RestApiStatusCode": status, "RestApiResponse": {}}


@pytest.fixture
def mwaa(monkeypatch: pytest.MonkeyPatch) -> Iterator[Mwaa]:
    model = Mwaa()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            status, document = model.answer(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            content = json.dumps(document).encode()
            self.send_response(status)
            self.send_header("x-amzn-errortype", str(document.get("__type", "")))
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: Any) -> None: ...

    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{server.server_port}")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    yield model
    server.shutdown()
    server.server_close()


@pytest.fixture
def rest(mwaa: Mwaa, tmp_path: Path) -> AirflowRest:
    return AirflowRest(Workspace("one", make_repository(tmp_path, "one")))


@pytest.mark.parametrize("kind", ["InternalServerException", "RestApiServerException"])
@pytest.mark.parametrize("date", [None, datetime(2026, 11, 20, tzinfo=UTC)])
def test_an_answer_that_is_lost_makes_no_second_run(mwaa: Mwaa, rest: AirflowRest, kind: str, date: Any) -> None:
    """The first kind is sent again by the SDK (HTTP 500), the second is not."""
    mwaa.lost, mwaa.kind = 1, kind
    started = start_run(rest, "daily", date, {})
    assert list(mwaa.runs) == [started["dag_run_id"]]
    assert start_run(rest, "daily", None, {})["dag_run_id"] != started["dag_run_id"]


def test_a_refusal_stays_one(mwaa: Mwaa, rest: AirflowRest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mwaa, "answer", lambda asked: mwaa.airflow(400 if asked["Method"] == "POST" else 404))
    with pytest.raises(UserError, match="Airflow answers POST /dags/daily/dagRuns with 400"):
        start_run(rest, "daily", None, {})


class Held:
    def all(self, *_: Any, **__: Any) -> list[dict[str, str]]:
        hold = {"from": "2026-11-18T00:00:00+00:00", "by": "ada", "at": "", "reason": "bad source"}
        return [{"key": "tasklane_hold.daily", "value": json.dumps(hold)}]


def test_what_keeps_a_run_from_starting_is_said() -> None:
    rest: Any = Held()
    run = {"logical_date": "2026-11-18T00:00:00Z", "run_after": "2026-11-18T00:00:00Z"}
    earlier = {**run, "logical_date": "2026-11-17T00:00:00Z"}
    future = {"logical_date": None, "run_after": (datetime.now(UTC) + timedelta(days=400)).isoformat()}
    assert "held from 2026-11-18T00:00:00+00:00 on by ada: bad source; it waits until `tasklane unhold daily`" in (
        why_it_waits(rest, "daily", run, paused=False)
    )
    assert why_it_waits(rest, "daily", earlier, paused=False) == ""
    assert "waits until `tasklane unpause daily`" in why_it_waits(rest, "daily", earlier, paused=True)
    assert "its time has not come" in why_it_waits(rest, "other", future, paused=False)

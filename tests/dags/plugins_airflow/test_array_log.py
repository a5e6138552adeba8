"""The log of a batch of an array fan-out: Airflow's login, its permission on task logs, and no other engine's task."""

import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

PLUGINS = Path(__file__).parents[3] / "plugins"
if str(PLUGINS) not in sys.path:
    sys.path.insert(0, str(PLUGINS))

from airflow.api_fastapi import app as airflow_app  # noqa: E402
from airflow.api_fastapi.common.db.common import _get_session  # noqa: E402
from airflow.api_fastapi.core_api.security import get_user  # noqa: E402
from fastapi.testclient import TestClient  # noqa: E402
from tasklane_pages import access, array_jobs, queries  # noqa: E402
from tasklane_pages.app import app  # noqa: E402

ASKED = {"dag_id": "d", "run_id": "r", "task_id": "t", "index": 1}
INFO = {"engine": "array", "document": "s3://b/k", "region": "us-east-1", "log_group": "/g"}


@pytest.fixture
def client(monkeypatch):
    airflow_app.create_auth_manager()
    app.dependency_overrides[_get_session] = lambda: None
    monkeypatch.setattr(queries, "xcoms_of", lambda *_: {"fan_out": INFO})
    monkeypatch.setattr(array_jobs, "log_tail", lambda info, index: f"line of {index}")
    yield TestClient(app)
    app.dependency_overrides.clear()


def sign_in(monkeypatch, *entities):
    """A user who may read these entities of DAG d."""
    app.dependency_overrides[get_user] = lambda: "somebody"
    manager = SimpleNamespace(is_authorized_dag=lambda *, access_entity, **_: access_entity.name in entities)
    monkeypatch.setattr(access, "get_auth_manager", lambda: manager)


def test_nobody_reads_it_without_a_login(client):
    assert client.get("/data/log", params=ASKED).status_code in (401, 403)


def test_runs_are_not_enough_task_logs_are(client, monkeypatch):
    sign_in(monkeypatch, "RUN")
    assert client.get("/data/log", params=ASKED).status_code == 403
    sign_in(monkeypatch, "TASK_LOGS")
    assert client.get("/data/log", params=ASKED).json() == {"log": "line of 1"}


def test_batches_with_runs_have_their_log_in_airflow(client, monkeypatch):
    sign_in(monkeypatch, "TASK_LOGS")
    monkeypatch.setattr(queries, "xcoms_of", lambda *_: {"fan_out": {"child_dag_id": "child"}})
    assert client.get("/data/log", params=ASKED).status_code == 404

"""Who sees a fan-out: Airflow's login first, then its permission on the runs of both DAGs."""

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
from tasklane_pages import access, child_runs, queries  # noqa: E402
from tasklane_pages.app import app  # noqa: E402

WHERE = {"dag_id": "parent", "run_id": "r", "task_id": "fan_out"}
DATA = ["/data/recent", "/data/fan-out", "/data/items"]
INFO = {"child_dag_id": "child", "prefix": "r__b", "batches": 2, "manifest": "s3://b/k.json"}


@pytest.fixture
def client(monkeypatch):
    """The page's server; nobody is signed in, and its database holds one fan-out."""
    airflow_app.create_auth_manager()
    app.dependency_overrides[_get_session] = lambda: None
    run = SimpleNamespace(state="running", start_date=None, end_date=None)
    monkeypatch.setattr(queries, "parent_of", lambda *a: {"run": run, "task": None})
    monkeypatch.setattr(queries, "xcoms_of", lambda *a: {"fan_out": INFO})
    monkeypatch.setattr(queries, "recent_fan_outs", lambda *a: [{**WHERE, "child_dag_id": "child", "batches": 2}])
    for name in ("children_of", "tasks_of", "facts_of"):
        monkeypatch.setattr(child_runs, name, lambda *a: {})
    monkeypatch.setattr("tasklane_pages.child_runs.planned_batches", lambda uri: {})
    monkeypatch.setattr("tasklane_pages.app.items_of", lambda uri, index: [])
    yield TestClient(app)
    app.dependency_overrides.clear()


def sign_in(monkeypatch, *readable):
    """A user who may read the runs of these DAGs."""
    app.dependency_overrides[get_user] = lambda: "somebody"
    monkeypatch.setattr(access, "may_read", lambda user, dag_id: dag_id in readable)
    monkeypatch.setattr("tasklane_pages.app.may_read", lambda user, dag_id: dag_id in readable)


@pytest.mark.parametrize("path", DATA)
@pytest.mark.parametrize("headers", [{}, {"authorization": "Bearer forged"}])
def test_data_needs_airflows_login(client, path, headers):
    answer = client.get(path, params={**WHERE, "index": 0}, headers=headers)
    assert answer.status_code in (401, 403)


@pytest.mark.parametrize("path", DATA[1:])
@pytest.mark.parametrize("readable", [(), ("parent",), ("child",)])
def test_data_needs_the_runs_of_both_dags(client, monkeypatch, path, readable):
    sign_in(monkeypatch, *readable)
    answer = client.get(path, params={**WHERE, "index": 0})
    assert answer.status_code == 403
    assert "no permission to read the runs of DAG" in answer.json()["detail"]


def test_who_may_read_both_gets_the_data(client, monkeypatch):
    sign_in(monkeypatch, "parent", "child")
    assert [b["state"] for b in client.get("/data/fan-out", params=WHERE).json()["batches"]] == ["waiting", "waiting"]
    assert client.get("/data/items", params={**WHERE, "index": 0}).json() == []


def test_the_list_leaves_out_what_may_not_be_read(client, monkeypatch):
    sign_in(monkeypatch, "parent")
    assert client.get("/data/recent").json() == []
    sign_in(monkeypatch, "parent", "child")
    assert len(client.get("/data/recent").json()) == 1


def test_the_pages_own_files_hold_no_data_and_nothing_else_is_served(client):
    assert client.get("/").status_code == 200
    assert client.get("/static/page.js").headers["content-type"].startswith("text/javascript")
    for path in ("/static/app.py", "/static/..%2fapp.py", "/docs", "/openapi.json"):
        assert client.get(path).status_code == 404


def test_permission_is_asked_of_airflows_auth_manager(monkeypatch):
    asked = []
    manager = SimpleNamespace(is_authorized_dag=lambda **question: asked.append(question) or False)
    monkeypatch.setattr(access, "get_auth_manager", lambda: manager)
    assert not access.may_read("somebody", "parent")
    assert (asked[0]["method"], asked[0]["details"].id, asked[0]["user"]) == ("GET", "parent", "somebody")


def test_an_engine_that_the_page_does_not_know_is_named(client, monkeypatch):
    sign_in(monkeypatch, "parent", "child")
    monkeypatch.setattr(queries, "xcoms_of", lambda *a: {"fan_out": {**INFO, "engine": "newer"}})
    answer = client.get("/data/fan-out", params=WHERE)
    assert answer.status_code == 501
    assert "'newer'" in answer.json()["detail"]

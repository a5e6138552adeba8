"""CreateEnvironment and UpdateEnvironment keep every member that the API knows.

Source: Amazon MWAA API Reference, CreateEnvironment, UpdateEnvironment, Environment. ministack keeps part of them, and
starts an Airflow of its own where it finds a container engine: here the local Airflow is a part of its own.
"""

import json
from collections.abc import Callable
from typing import Any

import botocore.session
from ministack.services import mwaa

Json = dict[str, Any]
_MODEL = botocore.session.get_session().get_service_model("mwaa")
_MEMBERS = set(_MODEL.shape_for("Environment").members) - {"Arn", "CreatedAt", "LastUpdate", "Status", "Name"}


def install() -> None:
    """Wrap both calls; an environment is available at once."""
    mwaa._create_environment = _completed(mwaa._create_environment)
    mwaa._update_environment = _completed(mwaa._update_environment)
    mwaa._start_airflow_container = _available


def _completed(stock: Callable[..., tuple]) -> Callable[..., tuple]:
    def call(method: str, path: str, headers: Json, body: bytes | str, query_params: Json) -> tuple:
        response = stock(method, path, headers, body, query_params)
        if response[0] < 400:
            given: Json = json.loads(body or "{}")
            environment = mwaa._environments[path.strip("/").split("/")[-1]]
            environment.update({key: value for key, value in given.items() if key in _MEMBERS})
        return response

    return call


def _available(account_id: str, region: str, name: str, environment: Json) -> None:
    environment["Status"] = "AVAILABLE"
    environment["WebserverUrl"] = environment.get("WebserverUrl") or f"{name}.c2.{region}.airflow.amazonaws.com"

"""Airflow's REST API as MWAA offers it to IAM principals: InvokeRestApi (10 s, 6 MB, paths without /api/v2)."""

from typing import Any

from botocore.exceptions import ClientError

from ops.errors import UserError
from ops.workspace import Workspace

PAGE = 100


class AirflowRest:
    """A client of one environment's Airflow; UserError when MWAA or Airflow refuses."""

    def __init__(self, workspace: Workspace) -> None:
        self._mwaa, self._name = workspace.client("mwaa"), workspace.names.mwaa_environment

    def call(self, method: str, path: str, *, query: dict[str, Any] | None = None, body: Any = None) -> dict[str, Any]:
        """Airflow's answer as JSON."""
        answer = self._invoke(method, path, query, body)
        if isinstance(answer, UserError):
            raise answer
        return answer

    def find(
        self, path: str, *, method: str = "GET", query: dict[str, Any] | None = None, body: Any = None
    ) -> dict[str, Any] | None:
        """None when Airflow answers 404 (there is no such thing) or 409 (there is already)."""
        answer = self._invoke(method, path, query, body)
        if isinstance(answer, NotFound):
            return None
        if isinstance(answer, UserError):
            raise answer
        return answer

    def all(self, path: str, member: str, query: dict[str, Any] | None = None) -> list[dict[str, Any]]:
        """Every page of a collection."""
        found: list[dict[str, Any]] = []
        while True:
            page = self.call("GET", path, query={**(query or {}), "limit": PAGE, "offset": len(found)})
            found += page[member]
            if not page[member] or len(found) >= page["total_entries"]:
                return found

    def _invoke(self, method: str, path: str, query: dict[str, Any] | None, body: Any) -> dict[str, Any] | UserError:
        request: dict[str, Any] = {"Name": self._name, "Method": method, "Path": path}
        request |= {key: value for key, value in (("QueryParameters", query), ("Body", body)) if value is not None}
        try:
            return dict(self._mwaa.invoke_rest_api(**request).get("RestApiResponse") or {})
        except ClientError as error:
            return self._explained(error, method, path)

    def _explained(self, error: ClientError, method: str, path: str) -> UserError:
        code, status = error.response["Error"]["Code"], error.response.get("RestApiStatusCode")
        if code in ("RestApiClientException", "RestApiServerException"):
            kind = NotFound if status in (404, 409) else UserError
            return kind(f"Airflow answers {method} {path} with {status}: {error.response.get('RestApiResponse')}")
        if code == "ResourceNotFoundException":
            return UserError(f"MWAA environment {self._name} does not exist yet; run `tasklane deploy`")
        return UserError(f"MWAA does not pass {method} {path} to Airflow of {self._name}: {error}")


class NotFound(UserError):
    """Airflow knows no such thing, or has it already."""

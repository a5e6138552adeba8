"""Values of variables and passwords of connections, from Secrets Manager and SSM, and the version that tells a change.

Airflow shows no secret, so what is there cannot be compared with what should be. The version of the value is written
into the description instead: nothing of the value can be derived from it.
"""

from typing import Any

from botocore.exceptions import ClientError

from ops.errors import UserError
from ops.workspace import Workspace

OWNED = "managed by tasklane"


class Values:
    """Reads values and their versions; UserError names what is missing."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace

    def variable(self, key: str, source: str) -> tuple[str, str]:
        """(where it lies, its version)."""
        if source == "parameter":
            name = self._workspace.names.airflow_parameter(key)
            return name, f"version {self._parameter(name)['Version']}"
        name = self._workspace.names.airflow_secret("variables", key)
        return name, f"version {self._secret_version(name)}"

    def variable_value(self, key: str, source: str) -> str:
        if source == "parameter":
            return str(self._parameter(self._workspace.names.airflow_parameter(key))["Value"])
        return self._secret_value(self._workspace.names.airflow_secret("variables", key))

    def password(self, connection: str) -> tuple[str, str]:
        """(where it lies, its version)."""
        name = self._workspace.names.airflow_secret("connections", connection)
        return name, f"version {self._secret_version(name)}"

    def password_value(self, connection: str) -> str:
        return self._secret_value(self._workspace.names.airflow_secret("connections", connection))

    def _parameter(self, name: str) -> dict[str, Any]:
        try:
            found = self._workspace.client("ssm").get_parameter(Name=name, WithDecryption=True)
        except ClientError as error:
            if error.response["Error"]["Code"] == "ParameterNotFound":
                raise self._missing("SSM parameter", name) from None
            raise
        return dict(found["Parameter"])

    def _secret_version(self, name: str) -> str:
        try:
            stages = self._workspace.client("secretsmanager").describe_secret(SecretId=name)["VersionIdsToStages"]
        except ClientError as error:
            raise self._missing("secret", name) if _is_missing(error) else error from None
        return next((version for version, names in stages.items() if "AWSCURRENT" in names), "none")

    def _secret_value(self, name: str) -> str:
        try:
            return str(self._workspace.client("secretsmanager").get_secret_value(SecretId=name)["SecretString"])
        except ClientError as error:
            raise self._missing("secret", name) if _is_missing(error) else error from None

    def _missing(self, what: str, name: str) -> UserError:
        file = f"environments/{self._workspace.environment_name}.toml"
        return UserError(f"{file} names a value that is not there: create the {what} {name} and run the command again")


def _is_missing(error: ClientError) -> bool:
    return bool(error.response["Error"]["Code"] == "ResourceNotFoundException")

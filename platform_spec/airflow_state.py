"""The [variables] and [connections] of an environment: which there are and where their values lie, never the values.

A value is looked up under a name that follows from the environment (naming.py): nothing else may be read.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from platform_spec.loading import Spec

# `secret`: AWS Secrets Manager; `parameter`: SSM Parameter Store (configuration that is no secret).
Source = Literal["secret", "parameter"]
Key = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{1,100}$")]


class Connection(Spec):
    """One Airflow connection; `password` says where it lies, "" = it has none."""

    type: str = Field(pattern=r"^[a-z][a-z0-9_]*$", description="a connection type of Airflow", examples=['"http"'])
    host: str = Field(default="", description="a host name")
    port: int | None = Field(default=None, ge=1, le=65535, description="1 to 65535")
    login: str = Field(default="", description="a user name")
    # `schema` is a method of pydantic's base class.
    database: str = Field(default="", description='Airflow\'s "schema" of the connection')
    extra: dict[str, str] = Field(default_factory=dict, description="a table of text")
    password: Literal["", "secret"] = Field(default="", description='"secret", or nothing')

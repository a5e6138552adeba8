"""Bundles: what a worker needs to run a task of the lane `virtualenv` without internet, under content-addressed keys.

`tasklane virtualenvs publish` writes them to the DAG bucket, each object once; the DAG kit reads them there. A bundle
names its source and every wheel by SHA-256, so the key of the bundle names everything that will run.
"""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field

# Outside dags/, which MWAA copies to every worker. MWAA's execution role reads the whole bucket, by MWAA's own demand.
BUNDLES, WHEELS = "virtualenvs/", "wheels/"
PYTHON = "3.12"  # of the MWAA images 3.0.6 and 3.2.1
ARCHITECTURE = "x86_64"  # of MWAA's workers
SCHEMA_VERSION = 1

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class Wheel(BaseModel):
    """A file under `wheels/<sha256>/<file>`; `file` is what pip reads name, version and platform from."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    file: str = Field(pattern=r"^[A-Za-z0-9_.+-]+\.whl$")
    sha256: Sha256
    size: int = Field(ge=1, description="bytes")

    @property
    def key(self) -> str:
        return f"{WHEELS}{self.sha256}/{self.file}"


class Bundle(BaseModel):
    """One state of one task's source and requirements."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    schema_version: int = SCHEMA_VERSION
    task: str
    tag: str
    python: str = PYTHON
    source_sha256: Sha256
    requirements: str = Field(description="requirements.lock, with hashes")
    pip: Wheel
    wheels: tuple[Wheel, ...]

    @property
    def source_key(self) -> str:
        return f"{BUNDLES}{self.task}/{self.tag}.zip"

    @property
    def download_bytes(self) -> int:
        return sum(wheel.size for wheel in (self.pip, *self.wheels))

    def to_json(self) -> bytes:
        return (self.model_dump_json(indent=1) + "\n").encode()

    @classmethod
    def read(cls, content: bytes) -> Self:
        return cls.model_validate_json(content)


def bundle_key(task: str, tag: str) -> str:
    return f"{BUNDLES}{task}/{tag}.json"

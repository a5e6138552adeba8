"""What a release is. The record is written once, and names every content by its hash."""

from typing import Self

from pydantic import BaseModel, ConfigDict, Field

from ops.objects import sha256
from platform_spec.manifest import Manifest

SCHEMA_VERSION = 1


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ReleasedFile(_Model):
    """plugins.zip, requirements.txt or startup.sh: content and the object version MWAA was given."""

    sha256: str
    version: str


class ReleasedImage(_Model):
    """`image` is what the task definition says; `tag` is the hash of the source, "" where no registry was asked."""

    image: str
    tag: str = ""


class Release(_Model):
    """One release of one environment."""

    schema_version: int = SCHEMA_VERSION
    id: str
    environment: str
    created: str = Field(description="UTC, ISO 8601")
    author: str
    revision: str
    dirty: bool
    promoted_from: str = Field(default="", description="<environment>/<release id>, or empty")
    dags: dict[str, str] = Field(description="path below the DAG folder → SHA-256, without the manifest")
    files: dict[str, ReleasedFile] = Field(description="key in the DAG bucket → file")
    images: dict[str, ReleasedImage]
    task_definitions: dict[str, str] = Field(description="task → ARN with revision")
    templates: dict[str, str] = Field(description="stack → SHA-256 of the deployed template and parameters")
    airflow_state: str = Field(description="SHA-256 of pools, variables and connections as declared")
    manifest: Manifest

    @property
    def content(self) -> str:
        """A hash of all that runs: two releases with the same content differ in name only."""
        named = {"id", "created", "author", "revision", "dirty", "promoted_from", "schema_version"}
        manifest = self.manifest.model_copy(update={"release": "-"})
        return sha256(self.model_copy(update={"manifest": manifest}).model_dump_json(exclude=named).encode())

    def to_json(self) -> bytes:
        return (self.model_dump_json(indent=1) + "\n").encode()

    @classmethod
    def read(cls, content: bytes) -> Self:
        return cls.model_validate_json(content)

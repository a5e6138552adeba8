"""Teams: who shares the Airflow, from `dags/teams.toml`. The file lies beside the DAGs in the bucket too."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Annotated

from pydantic import Field, model_validator

from platform_spec.loading import Finding, Spec, load, refuse

FILE_NAME = "teams.toml"
DEFAULT_POOL = "default_pool"  # Airflow makes it itself
# More retries than this only hide a failure from the people who should see it.
MOST_RETRIES = 10

Word = Annotated[str, Field(pattern=r"^[a-z][a-z0-9]*(_[a-z0-9]+)*$")]
Words = Annotated[tuple[Word, ...], Field(strict=False, min_length=1)]


class Priority(Spec):
    """Airflow's priority_weight, absolute: what a team may ask for inside its pools, and what it gets unasked."""

    lowest: int = Field(ge=1, description="a whole number from 1")
    default: int = Field(ge=1, description="a whole number from lowest to highest")
    highest: int = Field(ge=1, description="a whole number from lowest")

    @model_validator(mode="after")
    def _are_in_order(self) -> Priority:
        if not self.lowest <= self.default <= self.highest:
            allowed = "lowest <= default <= highest"
            found = {"lowest": self.lowest, "default": self.default, "highest": self.highest}
            refuse([Finding("", found, "not in order", allowed, "set default between lowest and highest")])
        return self


class Team(Spec):
    """One team: which DAG ids are its own, who answers for them, which pools its tasks may use and how."""

    prefixes: Words = Field(description="beginnings of its DAG ids", examples=['["microbiome"]'])
    owners: dict[str, str] = Field(
        min_length=1, description="a table of owner = e-mail address", examples=['{ ml = "ml@example.com" }']
    )
    pools: Words = Field(description="names of pools", examples=['["ml"]'])
    priority: Priority = Field(
        description="a table with lowest, default and highest", examples=["{ lowest = 1, default = 5, highest = 10 }"]
    )
    retries: int = Field(ge=0, le=MOST_RETRIES, description=f"0 to {MOST_RETRIES}", examples=["2"])
    timeout_minutes: int = Field(ge=1, le=1440, description="1 to 1440, for a task on a worker", examples=["10"])

    def owns_id(self, dag_id: str) -> bool:
        return any(dag_id == prefix or dag_id.startswith(f"{prefix}_") for prefix in self.prefixes)


class TeamsFile(Spec):
    """The form of dags/teams.toml."""

    teams: dict[Word, Team] = Field(min_length=1, description="a table [teams.<name>] per team")

    @model_validator(mode="after")
    def _share_nothing(self) -> TeamsFile:
        """A DAG id has one team, and a pool's slots are one team's."""
        findings = []
        for key in ("prefixes", "pools"):
            counts = Counter(word for team in self.teams.values() for word in set(getattr(team, key)))
            for name, team in self.teams.items():
                twice = [word for word in getattr(team, key) if counts[word] > 1]
                what, fix = "another team has it too", f"leave it in one team's {key}"
                findings += [Finding(f"teams.{name}.{key}", w, what, "each once in the file", fix) for w in twice]
        refuse(findings)
        return self


def load_teams(root: Path) -> dict[str, Team]:
    """All teams by name, from `root`/dags/teams.toml. Raises SpecError."""
    return read_teams(root / "dags" / FILE_NAME, root)


def read_teams(path: Path, root: Path) -> dict[str, Team]:
    """All teams by name, from the file at `path`, which errors name relative to `root`. Raises SpecError."""
    return load(TeamsFile, path, root).teams

"""What every command has: an environment, JSON for programs, and a look before anything is changed."""

from collections.abc import Iterator

import pytest
import typer
from typer.main import get_command

from ops.main import app

# The commands that ship; those that run and watch work have tests of their own.
SHIPPING = {"airflow", "dags", "deploy", "destroy", "doctor", "images", "preflight", "release", "synth"}
WITHOUT_ENVIRONMENT = {"doctor"}  # looks at this machine
CHANGING = {
    "airflow apply", "airflow smoke", "dags upload", "deploy", "destroy", "images build", "images push",
    "release create", "release promote", "release rollback",
}  # fmt: skip


def commands() -> Iterator[tuple[str, set[str]]]:
    """(name, options) of every command that a person can type."""

    def walk(command: object, name: str) -> Iterator[tuple[str, set[str]]]:
        children = getattr(command, "commands", None)
        if children is None:
            yield name, {option for parameter in command.params for option in parameter.opts}  # type: ignore[attr-defined]
            return
        for child, found in children.items():
            yield from walk(found, f"{name} {child}".strip())

    assert isinstance(app, typer.Typer)
    yield from walk(get_command(app), "")


ALL = {name: options for name, options in commands() if name.split()[0] in SHIPPING}


@pytest.mark.parametrize("name", sorted(ALL))
def test_it_names_its_environment_and_speaks_json(name: str) -> None:
    place = {"--from", "--to"} if name == "release promote" else {"--env"}
    assert name in WITHOUT_ENVIRONMENT or place <= ALL[name]
    assert "--json" in ALL[name]


@pytest.mark.parametrize("name", sorted(CHANGING))
def test_what_changes_something_can_be_looked_at_before(name: str) -> None:
    assert "--dry-run" in ALL[name]

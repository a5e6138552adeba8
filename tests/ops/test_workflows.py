"""The workflow files: every command in them exists; a job that deploys has the role of its environment, no more."""

import re
import shlex
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.main import get_command

from ops.main import app
from ops.workspace import ROOT
from platform_spec.environments import load_environment

WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))
JOBS = [
    pytest.param(job, id=f"{path.stem}-{name}")
    for path in WORKFLOWS
    for name, job in yaml.safe_load(path.read_text())["jobs"].items()
]


def make_rule(target: str) -> str:
    """The recipe of a target; an empty string when there is none."""
    text = "\n".join(path.read_text() for path in (ROOT / "Makefile", *(ROOT / "make").glob("*.mk")))
    found = re.search(rf"^{re.escape(target)}:[^\n]*\n((?:\t[^\n]*\n)*)", text, re.MULTILINE)
    return found[0] if found else ""


def tasklane_calls(recipe: str) -> list[list[str]]:
    plain = re.sub(r"\$\([^)]*\)+", "x", recipe)
    return [shlex.split(call) for call in re.findall(r"\.venv/bin/tasklane ([^\n|;>]*)", plain)]


@pytest.mark.parametrize("job", JOBS)
def test_every_command_exists(job: dict[str, Any]) -> None:
    commands = [step["run"] for step in job["steps"] if "run" in step]
    assert commands
    for command in commands:
        program, *words = shlex.split(command)
        assert program in ("make", "gh"), command
        if program == "gh":
            continue
        rule = make_rule(words[0])
        assert rule, f"make {words[0]} does not exist"
        done = subprocess.run(["make", "-n", *words], cwd=ROOT, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        for call in tasklane_calls(rule):
            assert_is_a_command(call)


def assert_is_a_command(words: list[str]) -> None:
    """Names and options of the CLI; raises when one of them is not there."""
    command: Any = get_command(app)
    rest = list(words)
    while rest and hasattr(command, "commands"):
        command = command.commands[rest.pop(0)]
    options = {name for parameter in command.params for name in parameter.opts}
    assert {word for word in rest if word.startswith("--")} <= options, words


@pytest.mark.parametrize("job", JOBS)
def test_a_job_has_only_the_rights_it_needs(job: dict[str, Any]) -> None:
    takes_role = any("configure-aws-credentials" in step.get("uses", "") for step in job["steps"])
    assert (job.get("permissions", {}).get("id-token") == "write") == takes_role
    assert job["timeout-minutes"] <= 180
    deploys = [s["run"] for s in job["steps"] if re.match(r"make (deploy|promote)", s.get("run", ""))]
    if deploys:
        [command] = deploys
        environment = job["environment"]
        assert command.endswith((f"ENV={environment}", f"TO={environment}"))
        assert load_environment(environment, ROOT).delivery is not None


def test_actions_are_pinned_to_a_version_and_nothing_runs_on_pull_request_target() -> None:
    assert [path.stem for path in WORKFLOWS] == ["main", "pull-request", "release"]
    for path in WORKFLOWS:
        workflow = yaml.safe_load(path.read_text())
        assert "pull_request_target" not in workflow[True]  # YAML 1.1 reads the key `on` as true
        assert workflow["permissions"] == {"contents": "read"}
        uses = re.findall(r"uses: (\S+)", Path(path).read_text())
        assert all(re.fullmatch(r"[\w-]+/[\w-]+@v\d+", name) for name in uses)

"""The how-to pages, followed as a new user would: their files are written, their commands run, against the emulator.

Environment `one` of the test stands for `dev`, as the pipeline's role; where a page deploys, Airflow is left out (no
Airflow runs in this test) and, without an image builder, images too.
"""

import os
import re
import shlex
import sys
import textwrap
import traceback
from collections.abc import Mapping
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path

import pytest

from ops.main import run
from ops.workspace import ROOT
from tests.ops.conftest import HAS_ENGINE, Deployed, forget_role
from tests.ops.repository import commit

# "roll-back" before the page whose task is taken away again: a release with a task that is gone cannot come back so.
PAGES = ("add-a-dag", "roll-back", "add-a-task", "add-an-environment", "first-deploy", "upgrade-airflow")
# A block is written to `file=`, or added to the end of `add=`.
BLOCK = re.compile(r"^( *)```(\S+)(?: (file|add)=(\S+))?\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)


@dataclass
class Block:
    language: str
    adds: bool
    file: str
    text: str


def blocks(page: str) -> list[Block]:
    text = (ROOT / f"docs/how-to/{page}.md").read_text()
    return [
        Block(found[2], found[3] == "add", (found[4] or "").replace("dev.toml", "one.toml"), textwrap.dedent(found[5]))
        for found in BLOCK.finditer(text)
    ]


def adapted(command: str) -> list[str]:
    words = shlex.split(command.replace("--env dev", "--env one"))
    if words[1] == "deploy":
        words += ["--without-airflow", *([] if HAS_ENGINE else ["--without-images"])]
    if words[1:3] == ["release", "plan"] and not HAS_ENGINE:
        words.append("--without-images")
    return words


def run_tasklane(words: list[str], folder: Path, environ: Mapping[str, str], said: Path) -> tuple[int, str]:
    """The CLI in a process of its own, but without the second that its imports take; (exit code, all it said)."""
    assert words[0] == ".venv/bin/tasklane", f"no how-to page should need {words[0]}"
    child = os.fork()
    if child == 0:
        code = 1
        try:
            with said.open("w") as file, redirect_stdout(file), redirect_stderr(file):
                os.chdir(folder)
                os.environ.clear()
                os.environ.update(environ)
                sys.argv = words
                run()
            code = 0
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else int(end.code is not None)
        except BaseException:  # noqa: BLE001 (the parent sees it in the output)
            said.write_text(said.read_text() + traceback.format_exc())
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), said.read_text()


@pytest.mark.parametrize("page", PAGES)
def test_the_commands_of_the_page_work(
    page: str, deployed: Deployed, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    if page == "add-a-task" and not HAS_ENGINE:
        pytest.skip("no image builder answers (docker, podman, buildah)")
    if page == "add-an-environment":  # no pipeline has rights in it yet
        forget_role(monkeypatch)
    before: dict[Path, str | None] = {}
    found = blocks(page)
    assert [block for block in found if block.language == "sh"]
    environ = {**os.environ, "TASKLANE_ROOT": str(deployed.root), "COLUMNS": "200"}
    try:
        for block in found:
            if block.file:
                path = deployed.root / block.file
                before[path] = path.read_text() if path.exists() else None
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text((before[path] or "" if block.adds else "") + block.text)
                commit(deployed.root)
            for command in block.text.splitlines() if block.language == "sh" else ():
                if command == "make setup":  # this very test runs in what it makes
                    continue
                code, said = run_tasklane(adapted(command), deployed.root, environ, tmp_path / "said")
                assert code == 0, f"{command}\n{said}"
    finally:
        for path, text in before.items():
            path.unlink()
            if text is not None:
                path.write_text(text)
        if before:
            commit(deployed.root)

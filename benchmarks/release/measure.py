"""How long the daily commands take on a deployed environment: `python -m benchmarks.release.measure [REPEATS]`.

The environment is deployed into a local AWS by its deploy role, IAM enforced, with two tasks whose images need no base.
Each figure is the wall time of one `tasklane` command from its start to its end: the median, the least and the most.
"""

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import pytest

from ops.workspace import Workspace
from tests.ops.conftest import hand_over
from tests.ops.emulator import running_emulator
from tests.ops.repository import ROOT, commit, make_repository

DEPLOY = ("deploy", "--env", "one", "--without-airflow", "--json")


class Bench:
    """Commands in one repository, timed."""

    def __init__(self, root: Path) -> None:
        self._root, self.seconds = root, {}  # type: Path, dict[str, list[float]]

    def run(self, what: str, *arguments: str) -> tuple[dict[str, Any], list[str]]:
        """(the JSON, the lines for people)."""
        argv, environ = [str(ROOT / ".venv/bin/tasklane"), *arguments], {**os.environ, "TASKLANE_ROOT": str(self._root)}
        begun = time.monotonic()
        done = subprocess.run(argv, env=environ, capture_output=True, text=True, check=False)
        self.seconds.setdefault(what, []).append(time.monotonic() - begun)
        if done.returncode:
            raise SystemExit(f"{' '.join(argv)}\n{done.stdout}{done.stderr}")
        return json.loads(done.stdout), done.stderr.splitlines()

    def change(self, path: str, text: str) -> None:
        with (self._root / path).open("a") as file:
            file.write(text)
        commit(self._root)

    def measure(self, number: int) -> None:
        """Every figure once."""
        outcome, _ = self.run("deploy, nothing changed", *DEPLOY)
        assert not outcome["created"]
        self.run("release plan, nothing changed", "release", "plan", "--env", "one", "--json")
        self.change("dags/hello.py", f"# {number}\n")
        outcome, _ = self.run("dags upload, one DAG changed", "dags", "upload", "--env", "one", "--json")
        assert outcome["changed"] == ["hello.py", "manifest.json"]
        self.change("task_images/hello/hello.txt", f"{self._root} {number}\n")
        outcome, said = self.run("images push, one of two changed", "images", "push", "--env", "one", "--json")
        assert [i["task"] for i in outcome["images"] if i["action"] != "none"] == ["hello"], outcome
        assert len([line for line in said if "building" in line]) == 1
        outcome, said = self.run("deploy with that image", *DEPLOY)
        assert outcome["created"]
        outcome, _ = self.run("release rollback, DAGs and revision", "release", "rollback", "--env", "one", "--json")
        assert outcome["environment_update"] == []
        self.run("release rollback, forward again", "release", "rollback", "--env", "one", "--json")

    def table(self) -> str:
        rows = [
            f"| {what} | {statistics.median(times):.1f} | {min(times):.1f}-{max(times):.1f} |"
            for what, times in self.seconds.items()
        ]
        return "\n".join(["| command | median s | least-most |", "|---|---|---|", *rows])


def main(repeats: int) -> None:
    folder = Path(tempfile.mkdtemp(prefix="tasklane-bench-"))
    try:
        with pytest.MonkeyPatch.context() as shell, running_emulator(folder) as endpoint:
            shell.setenv("AWS_ENDPOINT_URL", endpoint)
            root = make_repository(folder / "repository", "one")
            shutil.copytree(root / "task_images/hello", root / "task_images/other")
            commit(root)
            hand_over(Workspace("one", root), shell)
            bench = Bench(root)
            bench.run("first deploy (bootstrap and roles were there)", *DEPLOY)
            for number in range(repeats):
                bench.measure(number)
            print(bench.table())
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 3)

"""What mypy says of DAG files: nothing of the bundled ones, and each wrong call of the DAG kit by its line."""

import re
import subprocess
from pathlib import Path

from ops.workspace import ROOT

# Each line of a comment `# wrong: <code>` is an error of that code; no other line is one.
WRONG = '''"""Calls that mypy must refuse."""
import datetime as dt

from lanes import dag, run_task

with dag(
    team="ml",
    owner="ml",
    pool="ml",
    schedule=5,  # wrong: arg-type
    start_date="2026-01-01",  # wrong: arg-type
    catchup="no",  # wrong: arg-type
    doc_md=__doc__,
    priority="high",  # wrong: arg-type
):
    run_task("hello", command="hello")  # wrong: arg-type
    run_task("hello", comand=["hello"])  # wrong: call-arg
with dag(  # wrong: call-arg
    team="ml", pool="ml", schedule=None, start_date=dt.date(2026, 1, 1), catchup=False, doc_md=__doc__
):
    ...
with dag(  # wrong: call-arg
    team="ml",
    owner="ml",
    pool="ml",
    schedule=None,
    start_date=dt.date(2026, 1, 1),
    catchup=False,
    doc_md=__doc__,
    retires=3,
):
    ...
with dag(
    team="ml", owner="ml", pool="ml", schedule="@daily", start_date=dt.date(2026, 1, 1), catchup=False, doc_md=__doc__
):
    run_task("hello", command=["hello"])
'''
_ERROR = re.compile(r"^(.+):(\d+): error: (.*)\[([a-z-]+)\]$", re.MULTILINE)


def test_mypy_refuses_wrong_calls_and_passes_the_bundled_dags(tmp_path: Path) -> None:
    (tmp_path / "wrong.py").write_text(WRONG)
    airflow = ROOT / ".venvs/airflow-3.0.6/bin/python"
    options = [
        "--config-file",
        "dags/lanes/mypy.ini",
        "--python-executable",
        str(airflow),
        "--cache-dir",
        str(tmp_path),
    ]
    # Tasks are functions without annotations, and Airflow has no types for what a decorated one returns.
    options += ["--allow-untyped-defs", "--allow-incomplete-defs", "--allow-any-generics"]
    files = [str(tmp_path / "wrong.py"), *(str(path.relative_to(ROOT)) for path in sorted(ROOT.glob("dags/*.py")))]
    argv = [ROOT / ".venv/bin/mypy", *options, *files]
    said = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=False).stdout
    errors = [found.groups() for found in _ERROR.finditer(said)]
    expected = {
        (number, code)
        for number, line in enumerate(WRONG.splitlines(), 1)
        for code in re.findall(r"# wrong: (\S+)$", line)
    }
    assert {(int(line), code) for file, line, _text, code in errors if file.endswith("wrong.py")} == expected, said
    others = [error for error in errors if not error[0].endswith("wrong.py") and "XComArg" not in error[2]]
    assert others == [], said

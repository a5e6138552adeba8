"""`dags check`: the real DAGs pass under both Airflow versions; each rule has an example that breaks it."""

from pathlib import Path

import pytest

from ops.dag_check.check import check_dags
from ops.dag_check.rules import judge
from ops.errors import UserError
from ops.workspace import ROOT, Workspace
from platform_spec.environments import load_environment
from platform_spec.teams import load_teams
from tests.ops.repository import DAG, make_repository

MENTION = "# airflow DAG (the DAG processor skips files without these words)\n"


# DAGs made without the factory: all in one file, each with one thing changed.
HEAD = """\
import datetime as dt

from airflow.providers.standard.operators.python import PythonOperator
from airflow.sdk import DAG

from lanes import deployment, run_task
"""
PLAIN = """
with DAG(
    "ID",
    schedule=None,
    start_date=dt.datetime(2026, 1, 1, tzinfo=dt.UTC),
    catchup=False,
    doc_md="### When it fails",
    tags=["team:platform", f"release:{deployment().release}"],
    default_args={"owner": "platform", "pool": "platform", "weight_rule": "absolute"},
):
    run_task("hello", command=["hello"])
"""
COMMAND = 'command=["hello"]'
# DAG id → what is changed, and the check that names it.
CHANGED = {
    "documentation": ("### When it fails", "### Notes", "documentation"),
    "catchup": ("catchup=False", "catchup=True", "catchup"),
    "tag": ('f"release:{deployment().release}"', '"x"', "release tag"),
    "team": ('"team:platform", ', "", "team"),
    "stranger": ('"team:platform"', '"team:nobody"', "team"),
    "owner": ('"owner": "platform"', '"owner": "me"', "owner"),
    "pool": (COMMAND, f'{COMMAND}, pool="nobody"', "pool"),
    "default_pool": (', "pool": "platform"', "", "pool"),
    "rule": (', "weight_rule": "absolute"', "", "weight_rule"),
    "slots": (COMMAND, f"{COMMAND}, pool_slots=21", "pool_slots"),
    "priority": (COMMAND, f"{COMMAND}, priority_weight=11", "priority_weight"),
    "retries": (COMMAND, f"{COMMAND}, retries=11", "retries"),
    "endless": (
        f'run_task("hello", {COMMAND})',
        'PythonOperator(task_id="p", python_callable=print)',
        "execution_timeout",
    ),
    "overrides": (COMMAND, 'command=["x" * 7000]', "overrides"),
    "foreign_id": ('"hello_foreign_id"', '"adopted"', "DAG id"),
    "twice": ('"hello_twice"', '"hello"', "DAG id"),
}
# Files of their own → the check that names them.
FILES = {
    "import": (MENTION + "import a_package_that_is_not_there\n", "import"),
    "factory": (DAG.replace('team="platform"', 'team="platfrom"'), "import"),
    "argument": (
        MENTION
        + "raise TypeError(\"Invalid arguments (task_id: hello). Invalid arguments were:\\n**kwargs: {'disk': 5}\")\n",
        "import",
    ),
    "exit": (MENTION + "import os\nos._exit(3)\n", "import"),
    "socket": (MENTION + "import socket\nsocket.create_connection(('127.0.0.1', 9))\n", "network"),
    "lookup": (MENTION + "import socket\nsocket.getaddrinfo('s3.amazonaws.com', 443)\n", "network"),
    "empty": (MENTION, "no DAG"),
    "schedule": (DAG.replace("schedule=None", 'schedule="@daily"'), "schedule"),
}


def changed(name: str) -> str:
    old, new, _check = CHANGED[name]
    text = PLAIN.replace("ID", f"hello_{name}")
    assert old in text
    return text.replace(old, new)


def test_every_rule_finds_its_broken_example_and_nothing_else(tmp_path: Path) -> None:
    root = make_repository(tmp_path, "one")
    (root / "dags/plain.py").write_text(HEAD + "".join(changed(name) for name in CHANGED))
    for name, (text, _check) in FILES.items():
        (root / f"dags/hello_{name}.py").write_text(text)
    checked = check_dags(Workspace("one", root), budget_seconds=1000)
    found = [(finding.where, finding.check) for finding in checked.findings]
    places = {f"hello_{name}.py": check for name, (_text, check) in FILES.items()}
    places |= {f"plain.py: hello_{name}": check for name, (_old, _new, check) in CHANGED.items()}
    places |= {"plain.py: adopted": "DAG id", "hello": "DAG id"}
    places["hello_schedule.py: hello_schedule"] = places.pop("hello_schedule.py")
    unnamed = [places.pop(f"plain.py: hello_{name}") for name in ("foreign_id", "twice")]  # found under their new ids
    assert unnamed == ["DAG id", "DAG id"]
    # A finding of a task is named file: DAG.task.
    assert sorted((where.removesuffix(".hello").removesuffix(".p"), check) for where, check in found) == sorted(
        places.items()
    )
    assert all(finding.why and finding.fix for finding in checked.findings)
    [told] = [finding.what for finding in checked.findings if finding.where == "hello_argument.py"]
    assert told == "TypeError: Invalid arguments (task_id: hello). Invalid arguments were: **kwargs: {'disk': 5}"


@pytest.mark.parametrize("version", ["3.0.6", "3.2.1"])
def test_the_shipped_dags_pass(version: str, tmp_path: Path) -> None:
    if not (ROOT / f".venvs/airflow-{version}/bin/python").exists():
        pytest.skip(f"Airflow {version} is not installed (make .venvs/airflow-{version}/.made)")
    for name in ("dags", "task_images", "plugins", "platform_spec", ".venvs"):
        (tmp_path / name).symlink_to(ROOT / name)
    (tmp_path / "environments").mkdir()
    text = (ROOT / "environments/dev.toml").read_text().replace("[airflow]", f'[airflow]\nversion = "{version}"')
    (tmp_path / "environments/dev.toml").write_text(text)
    checked = check_dags(Workspace("dev", tmp_path), budget_seconds=30)
    assert checked.findings == []
    assert {dag["dag_id"] for file in checked.files for dag in file["dags"]} >= {
        "microbiome_batch",
        "microbiome_dispatch",
    }


def test_a_slow_file_and_too_many_dags() -> None:
    environment, teams = load_environment("dev", ROOT).model_copy(update={"schedules": {}}), load_teams(ROOT)
    tags = ["team:platform", "release:r"]
    dag = {"tags": tags, "doc": "### When it fails", "catchup": False, "schedule": None, "tasks": []}
    dags = [{**dag, "dag_id": f"example_{n}"} for n in range(51)]
    files = [{"file": "slow.py", "cpu_seconds": 11.0, "dags": dags}]
    assert [f.check for f in judge(files, environment, teams, "r", 10)] == ["parse time", "DAG count"]
    assert [f.check for f in judge(files, environment, teams, "r", 12)] == ["DAG count"]


def test_names_in_the_environment_that_nothing_answers_to() -> None:
    environment = load_environment("dev", ROOT).model_copy(update={"schedules": {"gone": True}, "pools": {"gone": 1}})
    found = [(f.check, f.where) for f in judge([], environment, load_teams(ROOT), "r", 10)]
    place = "environments/dev.toml"
    assert found == [("schedule", f"{place}: schedules.gone"), ("pool", f"{place}: pools.gone")]


def test_a_missing_airflow_says_how_to_install_it(tmp_path: Path) -> None:
    root = make_repository(tmp_path, "one")
    (root / ".venvs").unlink()
    with pytest.raises(UserError, match=r"Airflow 3.0.6 is not installed .*run `make setup AIRFLOW=3.0.6`"):
        check_dags(Workspace("one", root), budget_seconds=10)

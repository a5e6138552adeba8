"""`dags check`: the real DAGs pass under both Airflow versions; each rule has an example that breaks it."""

from pathlib import Path

import pytest

from ops.dag_check.check import check_dags
from ops.dag_check.rules import judge
from ops.errors import UserError
from ops.workspace import ROOT, Workspace
from platform_spec.environments import load_environment
from tests.ops.repository import DAG, make_repository

MENTION = "# airflow DAG (the DAG processor skips files without these words)\n"


def instead(old: str, new: str) -> str:
    """The good DAG under another id, with one thing changed."""
    assert old in DAG
    return DAG.replace(old, new).replace('"hello",\n', f'"dag_{abs(hash(new))}",\n', 1)


# What a file contains → the check that names it.
COMMAND = 'command=["hello"]'
BROKEN = {
    "import": (MENTION + "import a_package_that_is_not_there\n", "import"),
    "exit": (MENTION + "import os\nos._exit(3)\n", "import"),
    "socket": (MENTION + "import socket\nsocket.create_connection(('127.0.0.1', 9))\n", "network"),
    "lookup": (MENTION + "import socket\nsocket.getaddrinfo('s3.amazonaws.com', 443)\n", "network"),
    "empty": (MENTION, "no DAG"),
    "documentation": (instead("### When it fails", "### Notes"), "documentation"),
    "catchup": (instead("catchup=False", "catchup=True"), "catchup"),
    "tag": (instead('f"release:{deployment().release}"', '"x"'), "release tag"),
    "owner": (instead('"owner": "platform", ', ""), "owner"),
    "pool": (instead(COMMAND, f'{COMMAND}, pool="nobody"'), "pool"),
    "slots": (instead(COMMAND, f'{COMMAND}, pool="platform", pool_slots=21'), "pool"),
    "overrides": (instead(COMMAND, 'command=["x" * 7000]'), "overrides"),
    "twice": (DAG, "DAG id"),
}


def test_every_rule_finds_its_broken_example_and_nothing_else(tmp_path: Path) -> None:
    root = make_repository(tmp_path, "one")
    for name, (text, _check) in BROKEN.items():
        (root / f"dags/broken_{name}.py").write_text(text)
    checked = check_dags(Workspace("one", root), budget_seconds=1000)
    found = {
        (finding.where.split(":")[0].removeprefix("broken_").removesuffix(".py"), finding.check)
        for finding in checked.findings
    }
    expected = {(name, check) for name, (_text, check) in BROKEN.items() if name != "twice"} | {("hello", "DAG id")}
    assert found == expected
    assert all(finding.why and finding.fix for finding in checked.findings)


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
    environment = load_environment("dev", ROOT)
    dag = {"tags": ["release:r"], "doc": "### When it fails", "catchup": False, "tasks": []}
    files = [{"file": "slow.py", "cpu_seconds": 11.0, "dags": [{**dag, "dag_id": f"d{n}"} for n in range(51)]}]
    assert [f.check for f in judge(files, environment, "r", 10)] == ["parse time", "DAG count"]
    assert [f.check for f in judge(files, environment, "r", 12)] == ["DAG count"]


def test_a_missing_airflow_says_how_to_install_it(tmp_path: Path) -> None:
    root = make_repository(tmp_path, "one")
    (root / ".venvs").unlink()
    with pytest.raises(UserError, match=r"Airflow 3.0.6 is not installed .*run `make setup AIRFLOW=3.0.6`"):
        check_dags(Workspace("one", root), budget_seconds=10)

"""What every DAG of this project keeps to. Pure: descriptions in, findings out."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

from ops.finding import Finding
from platform_spec.airflow_settings import CLASSES
from platform_spec.environments import Environment

HEADING = "### When it fails"
# RunTask takes 8192 characters of overrides (ECS API reference); the DAG kit adds ids, URIs and sizes at run time.
OVERRIDE_CHARACTERS, ADDED_AT_RUN_TIME = 8192, 1500

Described = dict[str, Any]


def judge(files: list[Described], environment: Environment, release: str, budget_seconds: float) -> Iterator[Finding]:
    """All findings, file by file."""
    for file in files:
        yield from _file(file, budget_seconds)
        for dag in file.get("dags", []):
            yield from _dag(dag, file["file"], release)
            for task in dag["tasks"]:
                yield from _task(task, f"{file['file']}: {dag['dag_id']}.{task['task_id']}", environment)
    yield from _all([dag["dag_id"] for file in files for dag in file.get("dags", [])], environment)


def _file(file: Described, budget_seconds: float) -> Iterator[Finding]:
    name, error = file["file"], file.get("error", "").strip()
    if "NetworkAtParse" in error:
        why = "the DAG processor imports each file every 30 s: a call per import throttles, and fails when AWS is slow"
        yield Finding("network", name, error.splitlines()[-1], why, "do it in a task, or read manifest.json")
    elif error:
        why = "Airflow shows an import error and runs none of its DAGs"
        yield Finding("import", name, error.splitlines()[-1], why, f"see the whole error:\n{_indented(error)}")
    if file.get("cpu_seconds", 0) > budget_seconds:
        what = f"importing it takes {file['cpu_seconds']} s of CPU, more than {budget_seconds:g} s"
        why = "the DAG processor stops a file after dagbag_import_timeout (30 s) and runs late before that"
        yield Finding("parse time", name, what, why, "import heavy modules inside tasks")
    if not error and not file.get("dags"):
        why = "the DAG processor imports it for nothing"
        yield Finding("no DAG", name, "the file declares no DAG", why, "name it in dags/.airflowignore, or remove it")


def _dag(dag: Described, file: str, release: str) -> Iterator[Finding]:
    where = f"{file}: {dag['dag_id']}"
    if HEADING not in dag["doc"]:
        why = "whoever is called at night has nothing else"
        yield Finding("documentation", where, f"doc_md has no line {HEADING!r}", why, "say per task what to do")
    if f"release:{release}" not in dag["tags"]:
        why = "nobody can see in the UI which release a run belonged to"
        fix = 'tags=[…, f"release:{deployment().release}"]'
        yield Finding("release tag", where, f"its tags are {dag['tags']}", why, fix)
    if dag["catchup"]:
        why = "the first deployment would start one run per past interval"
        yield Finding("catchup", where, "catchup is on", why, "catchup=False, and backfill on purpose")


def _task(task: Described, where: str, environment: Environment) -> Iterator[Finding]:
    if task["owner"] in ("", "airflow"):
        why = "a failure has nobody to go to"
        yield Finding("owner", where, f"its owner is {task['owner']!r}", why, 'default_args={"owner": "<team>"}')
    slots = environment.pool_slots.get(task["pool"])
    if slots is None:
        known = ", ".join(environment.pool_slots)
        why = f"the task would stay scheduled for ever: {environment.name} has the pools {known}"
        fix = f"use one of them, or add it to environments/{environment.name}.toml under [pools]"
        yield Finding("pool", where, f"pool {task['pool']!r} does not exist", why, fix)
    elif task["pool_slots"] > slots:
        why = "the task would stay scheduled for ever"
        fix = f"pool_slots at most {slots}"
        yield Finding("pool", where, f"takes {task['pool_slots']} slots of {task['pool']}, which has {slots}", why, fix)
    if task["override_characters"] > OVERRIDE_CHARACTERS - ADDED_AT_RUN_TIME:
        what = f"command and environment have {task['override_characters']} characters"
        why = f"RunTask refuses overrides over {OVERRIDE_CHARACTERS} characters (ECS API reference, RunTask)"
        yield Finding("overrides", where, what, why, "write the list to S3 and pass its URI")


def _all(dag_ids: list[str], environment: Environment) -> Iterator[Finding]:
    for dag_id, count in Counter(dag_ids).items():
        if count > 1:
            yield Finding(
                "DAG id", dag_id, f"{count} files declare it", "the last one parsed wins", "rename all but one"
            )
    limit = CLASSES[environment.airflow.environment_class].dags
    if len(dag_ids) > limit:
        what = f"{len(dag_ids)} DAGs"
        why = f"{environment.airflow.environment_class} carries {limit} (MWAA user guide, environment class)"
        where = f"environments/{environment.name}.toml: airflow.environment_class"
        yield Finding("DAG count", where, what, why, "use a larger class")


def _indented(text: str) -> str:
    return "\n".join(f"        {line}" for line in text.splitlines()[-15:])

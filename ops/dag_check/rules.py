"""What every DAG of this project keeps to. Pure: descriptions in, findings out.

Most of it lanes.dag refuses already, when the file is imported; what is here holds for DAGs made without it too.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from ops.finding import Finding
from platform_spec.airflow_settings import CLASSES
from platform_spec.dag_rules import HEADING, RELEASE_TAG, TEAM_TAG, TaskFacts, id_problem, task_problems
from platform_spec.environments import Environment
from platform_spec.errors import Problem, show
from platform_spec.teams import Team

# RunTask takes 8192 characters of overrides (ECS API reference); the DAG kit adds ids, URIs and sizes at run time.
OVERRIDE_CHARACTERS, ADDED_AT_RUN_TIME = 8192, 1500
UNBOUNDED_RUNS = 16  # Airflow's max_active_runs_per_dag, where a DAG does not say

Described = dict[str, Any]
Teams = Mapping[str, Team]


def judge(
    files: list[Described], environment: Environment, teams: Teams, release: str, budget_seconds: float
) -> Iterator[Finding]:
    """All findings, file by file."""
    for file in files:
        yield from _file(file, budget_seconds)
        for dag in file.get("dags", []):
            yield from _dag(dag, file["file"], release)
            yield from _schedule(dag, file["file"], environment)
            yield from _team(dag, file["file"], environment, teams)
            for task in dag["tasks"]:
                yield from _overrides(task, f"{file['file']}: {dag['dag_id']}.{task['task_id']}")
    dags = [dag for file in files for dag in file.get("dags", [])]
    yield from _all([dag["dag_id"] for dag in dags], environment)
    if all(not file.get("error") for file in files):
        yield from _strangers({dag["dag_id"] for dag in dags}, environment, teams)


def _file(file: Described, budget_seconds: float) -> Iterator[Finding]:
    name, error = file["file"], file.get("error", "").strip()
    if "NetworkAtParse" in error:
        why = "the DAG processor imports each file every 30 s: a call per import throttles, and fails when AWS is slow"
        yield Finding("network", name, error.splitlines()[-1], why, "do it in a task, or read manifest.json")
    elif error:
        why = "Airflow shows an import error and runs none of its DAGs"
        yield Finding("import", name, _raised(error), why, f"see the whole error:\n{_indented(error)}")
    if file.get("cpu_seconds", 0) > budget_seconds:
        what = f"importing it takes {file['cpu_seconds']} s of CPU, more than {budget_seconds:g} s"
        why = "the DAG processor stops a file after dagbag_import_timeout (30 s) and runs late before that"
        yield Finding("parse time", name, what, why, "import heavy modules inside tasks")
    if not error and not file.get("dags"):
        why = "the DAG processor imports it for nothing"
        yield Finding("no DAG", name, "the file declares no DAG", why, "name it in dags/.airflowignore, or remove it")


def _raised(error: str) -> str:
    """The exception and all of its message, from a traceback: Airflow's own messages have several lines."""
    lines = error.splitlines()
    last_frame = max((number for number, line in enumerate(lines) if line.startswith("  File ")), default=-1)
    said = [number for number, line in enumerate(lines) if number > last_frame and not line.startswith(" ")]
    return " ".join(lines[said[0] if said else -1 :])


def _dag(dag: Described, file: str, release: str) -> Iterator[Finding]:
    where = f"{file}: {dag['dag_id']}"
    if HEADING not in dag["doc"]:
        why = "whoever is called at night has nothing else"
        yield Finding("documentation", where, f"doc_md has no line {HEADING!r}", why, "say per task what to do")
    if RELEASE_TAG + release not in dag["tags"]:
        why = "nobody can see in the UI which release a run belonged to"
        yield Finding("release tag", where, f"its tags are {dag['tags']}", why, "make it with lanes.dag")
    if dag["catchup"] and dag["max_active_runs"] >= UNBOUNDED_RUNS:
        what = f"catchup is on, with {dag['max_active_runs']} runs at a time"
        why = "the first deployment would start one run per past interval"
        yield Finding("catchup", where, what, why, "catchup=False, and backfill on purpose; or fewer max_active_runs")


def _schedule(dag: Described, file: str, environment: Environment) -> Iterator[Finding]:
    """Each environment says of each schedule whether it is on: forgotten is not the same as off."""
    if dag["schedule"] is not None and dag["dag_id"] not in environment.schedules:
        what = f"its schedule is {dag['schedule']!r}, and {environment.name} does not say whether it is on"
        fix = f"add {dag['dag_id']} = true (or false) to environments/{environment.name}.toml under [schedules]"
        yield Finding("schedule", f"{file}: {dag['dag_id']}", what, "it would silently never run", fix)


def _team(dag: Described, file: str, environment: Environment, teams: Teams) -> Iterator[Finding]:
    where = f"{file}: {dag['dag_id']}"
    name = next((tag.removeprefix(TEAM_TAG) for tag in dag["tags"] if tag.startswith(TEAM_TAG)), "")
    if name not in teams:
        what = f"there is no team {name!r}" if name else "it has no team"
        why = "its pool, its priority and who answers for it are anybody's guess"
        yield Finding("team", where, what, why, "make it with lanes.dag (docs/teams.md)")
        return
    team, pools = teams[name], environment.pool_slots
    for problem in id_problem(file, dag["dag_id"], name, team):
        yield _finding("DAG id", where, problem)
    for task in dag["tasks"]:
        facts = TaskFacts(**{key: task[key] for key in TaskFacts.__dataclass_fields__})
        for problem in task_problems(file, facts, name, team, pools, environment.name):
            yield _finding(problem.key.rpartition(" ")[2], f"{where}.{facts.task_id}", problem)


def _finding(check: str, where: str, problem: Problem) -> Finding:
    found = "" if problem.value is None else f"{show(problem.value)}: "
    return Finding(check, where, f"{found}{problem.what}", f"allowed: {problem.allowed}", problem.fix)


def _overrides(task: Described, where: str) -> Iterator[Finding]:
    if task["override_characters"] > OVERRIDE_CHARACTERS - ADDED_AT_RUN_TIME:
        what = f"command and environment have {task['override_characters']} characters"
        why = f"RunTask refuses overrides over {OVERRIDE_CHARACTERS} characters (ECS API reference, RunTask)"
        yield Finding("overrides", where, what, why, "write the list to S3 and pass its URI")


def _strangers(dag_ids: set[str], environment: Environment, teams: Teams) -> Iterator[Finding]:
    """Names in the environment's file that nothing answers to: a DAG renamed, a pool that nobody may use."""
    for dag_id in sorted(set(environment.schedules) - dag_ids):
        where = f"environments/{environment.name}.toml: schedules.{dag_id}"
        why = "what it was meant for may be off, or on"
        yield Finding("schedule", where, "no file declares this DAG", why, "rename or remove the line")
    for pool in sorted(set(environment.pools) - {pool for team in teams.values() for pool in team.pools}):
        where = f"environments/{environment.name}.toml: pools.{pool}"
        why = "its slots lie idle: no DAG may use them"
        yield Finding("pool", where, "no team of dags/teams.toml has this pool", why, "name it there, or remove it")


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

"""What a DAG of a team keeps to. Pure: facts in, problems out; the DAG factory and `dags check` both ask here."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from platform_spec.errors import Problem, closest
from platform_spec.teams import DEFAULT_POOL, MOST_RETRIES, Team

HEADING = "### When it fails"
TEAM_TAG, RELEASE_TAG = "team:", "release:"
# Of a DAG that is not in UTC: Airflow's REST API gives the deployment's time zone as that of every DAG (3.0.6, 3.2.1).
TIMEZONE_TAG = "timezone:"
OWN_TAGS = (TEAM_TAG, RELEASE_TAG, TIMEZONE_TAG)  # lanes.dag sets them


@dataclass(frozen=True)
class TaskFacts:
    """What Airflow will schedule a task by. `bounded`: it has an execution_timeout, or a limit of its own."""

    task_id: str
    owner: str
    pool: str
    pool_slots: int
    priority_weight: int
    retries: int
    bounded: bool
    weight_rule: str


def id_problem(file: str, dag_id: str, name: str, team: Team) -> Iterator[Problem]:
    """The id begins with one of the team's prefixes: whoever sees a DAG knows whose it is."""
    if not team.owns_id(dag_id):
        allowed = " or ".join(f"{prefix}, {prefix}_*" for prefix in team.prefixes)
        fix = f"rename the file, or declare the prefix in dags/teams.toml under [teams.{name}]"
        yield Problem(file, "DAG id", dag_id, f"does not begin with a prefix of team {name}", allowed, fix)


def documentation_problem(file: str, doc_md: str | None) -> Iterator[Problem]:
    """Whoever is called at night has nothing else."""
    if not isinstance(doc_md, str) or HEADING not in doc_md:
        what = f"has no line {HEADING!r}" if doc_md else "is empty"
        fix = "say per task what to do, in the docstring of the file, and pass doc_md=__doc__"
        yield Problem(file, "doc_md", None, what, f"Markdown with {HEADING!r}", fix)


def task_problems(
    file: str, task: TaskFacts, name: str, team: Team, pools: Mapping[str, int], environment: str
) -> Iterator[Problem]:
    """All that is wrong with one task of a DAG of the team `name`. `pools` are the environment's, with their slots."""

    def problem(key: str, value: object, what: str, allowed: str, fix: str) -> Problem:
        return Problem(file, f"task {task.task_id}: {key}", value, what, allowed, fix)

    if task.owner not in team.owners:
        what, allowed = f"no owner of team {name}", ", ".join(team.owners)
        yield problem("owner", task.owner, what, allowed, f"use {_nearest(task.owner, allowed)}")
    yield from pool_problems(file, f"task {task.task_id}: pool", task.pool, name, team, pools, environment)
    if task.pool in pools and task.pool_slots > pools[task.pool]:
        what, allowed = f"{task.pool} has {pools[task.pool]} slots", f"1 to {pools[task.pool]}"
        yield problem("pool_slots", task.pool_slots, what, allowed, "take fewer, or give the pool more slots")
    low, high = team.priority.lowest, team.priority.highest
    if not low <= task.priority_weight <= high:
        fix = f"set priority={min(max(task.priority_weight, low), high)}"
        yield problem("priority_weight", task.priority_weight, f"not for team {name}", f"{low} to {high}", fix)
    if not 0 <= task.retries <= MOST_RETRIES:
        yield problem("retries", task.retries, "hides a failure", f"0 to {MOST_RETRIES}", f"set retries={team.retries}")
    if task.weight_rule != "absolute":
        what, allowed = "adds up the weights of other tasks, so that the longest DAG wins the pool", "absolute"
        yield problem("weight_rule", task.weight_rule, what, allowed, "leave it out, and say priority=…")
    if not task.bounded:
        allowed = "a timedelta"
        yield problem("execution_timeout", None, "may run for ever", allowed, "make the DAG with lanes.dag, or set it")


def pool_problems(
    file: str, key: str, pool: str, name: str, team: Team, pools: Mapping[str, int], environment: str
) -> Iterator[Problem]:
    """The pool is one of the team's and exists: in a pool that does not, a task stays scheduled for ever."""
    allowed = ", ".join(team.pools)
    if not isinstance(pool, str) or pool not in team.pools:
        what = "shared by nobody, so that nobody can fill it" if pool == DEFAULT_POOL else f"no pool of team {name}"
        fix = f"use {_nearest(pool, allowed)}, or name it in dags/teams.toml under [teams.{name}]"
        yield Problem(file, key, pool, what, allowed, fix)
    elif pool not in pools:
        known = ", ".join(sorted(set(pools) - {DEFAULT_POOL})) or "none"
        what = f"environment {environment} has no such pool, and its tasks would stay scheduled for ever"
        fix = f"give it slots in environments/{environment}.toml under [pools]"
        yield Problem(file, key, pool, what, f"one that exists ({known})", fix)


def _nearest(word: str, allowed: str) -> str:
    names = allowed.split(", ")
    return closest(word, names) or names[0]

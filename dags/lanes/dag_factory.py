"""lanes.dag: the DAG of a team. What Airflow leaves open is required here, and checked when the file is imported.

The id is the file's name. The team is one of dags/teams.toml, which says what it may ask for; the environment says
whether the schedule is on and how many slots the pool has. See docs/teams.md.
"""

from __future__ import annotations

import datetime as dt
import sys
from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict, Unpack

from lanes.dag_arguments import argument_problems
from lanes.notifications.callback import notify_failure
from lanes.team_dag import TeamDag
from lanes.this_deployment import deployment, teams
from platform_spec.dag_rules import (
    RELEASE_TAG,
    TEAM_TAG,
    TIMEZONE_TAG,
    documentation_problem,
    id_problem,
    pool_problems,
)
from platform_spec.errors import Problem, SpecError, closest

if TYPE_CHECKING:
    from airflow.sdk import Param
    from airflow.sdk.definitions.asset import BaseAsset
    from airflow.timetables.base import Timetable

    from platform_spec.teams import Team

    type Schedule = str | dt.timedelta | Timetable | BaseAsset | Collection[BaseAsset] | None
    type Callback = Callable[[Any], Any] | list[Callable[[Any], Any]]


class DagOptions(TypedDict, total=False):
    """What a DAG may say besides. All but the first four are Airflow's own, under Airflow's names.

    `priority` is the priority_weight of its tasks inside their pool, within the team's range; `retries`, `retry_delay`
    and `execution_timeout` (of a task on a worker; a lane's is in task.toml) are for all tasks, a task may say
    otherwise. `default_args` takes the rest of what all tasks share.
    """

    priority: int
    retries: int
    retry_delay: dt.timedelta
    execution_timeout: dt.timedelta
    default_args: Mapping[str, Any]
    tags: Collection[str]
    description: str
    params: Mapping[str, Param | Any]
    end_date: dt.datetime
    max_active_runs: int
    max_active_tasks: int
    max_consecutive_failed_dag_runs: int
    dagrun_timeout: dt.timedelta
    on_failure_callback: Callback
    on_success_callback: Callback
    render_template_as_native_obj: bool
    user_defined_macros: Mapping[str, Any]
    user_defined_filters: Mapping[str, Callable[..., Any]]
    is_paused_upon_creation: bool
    fail_fast: bool
    dag_display_name: str


OWN = ("priority", "retries", "retry_delay", "execution_timeout", "default_args", "tags")
_DECLARED = "__lanes_dags__"  # in a DAG file: how many it has declared
DEFAULT_RETRY_DELAY = dt.timedelta(seconds=30)


def dag(
    *,
    team: str,
    owner: str,
    pool: str,
    schedule: Schedule,
    start_date: dt.date,
    catchup: bool,
    doc_md: str | None,
    **options: Unpack[DagOptions],
) -> TeamDag:
    """The DAG that this file declares, for a `with` block around its tasks. Raises SpecError with every problem found.

    `schedule` is what the DAG runs by where the environment's [schedules] switches it on; elsewhere, and with None, it
    is run by hand. `start_date` is a date (midnight UTC) or an aware datetime. `catchup=True` needs max_active_runs.
    """
    caller = sys._getframe(1)
    path = Path(caller.f_code.co_filename)
    file, dag_id, here = f"dags/{path.name}", path.stem, deployment()
    known = teams()
    if not isinstance(team, str) or team not in known:
        fix = f"use {closest(team, list(known)) or next(iter(known))}, or declare it in dags/teams.toml"
        raise SpecError([Problem(file, "team", team, "no such team", ", ".join(known), fix)])
    declared = known[team]
    problems = [
        *id_problem(file, dag_id, team, declared),
        *_owner_problem(file, owner, team, declared),
        *pool_problems(file, "pool", pool, team, declared, here.pools, here.environment),
        *argument_problems(file, schedule, start_date, catchup, options, DagOptions.__annotations__),
        *documentation_problem(file, doc_md),
        *_second_problem(file, dag_id, caller.f_globals),
    ]
    if problems:
        raise SpecError(problems)
    airflows_own: dict[str, Any] = {key: value for key, value in options.items() if key not in OWN}
    made = TeamDag(
        dag_id,
        schedule=here.schedule(dag_id, schedule),
        start_date=_moment(start_date),
        catchup=catchup,
        doc_md=doc_md,
        tags=[*options.get("tags", ()), TEAM_TAG + team, RELEASE_TAG + here.release, *_zone_tag(start_date)],
        owner_links={name: f"mailto:{address}" for name, address in declared.owners.items()},
        default_args=_default_args(owner, pool, declared, options),
        **airflows_own,
    )
    made.fileloc = str(path)
    made.declare(team, declared, schedule, options.get("execution_timeout"))
    return made


def _default_args(owner: str, pool: str, team: Team, options: DagOptions) -> dict[str, Any]:
    return {
        "on_failure_callback": notify_failure,  # of the task, so once per final failure; a DAG may set its own
        **options.get("default_args", {}),
        "owner": owner,
        "pool": pool,
        # Absolute: Airflow's own rule adds up the weights downstream, so that the longest DAG would win the pool.
        "weight_rule": "absolute",
        "priority_weight": options.get("priority", team.priority.default),
        "retries": options.get("retries", team.retries),
        "retry_delay": options.get("retry_delay", DEFAULT_RETRY_DELAY),
    }


def _owner_problem(file: str, owner: str, name: str, team: Team) -> Iterator[Problem]:
    if not isinstance(owner, str) or owner not in team.owners:
        fix = f"use {closest(owner, list(team.owners)) or next(iter(team.owners))}, or add it to dags/teams.toml"
        yield Problem(file, "owner", owner, f"no owner of team {name}", ", ".join(team.owners), fix)


def _second_problem(file: str, dag_id: str, module: dict[str, Any]) -> Iterator[Problem]:
    """Of two DAGs with one id, Airflow keeps the last and says nothing. The mark goes with the module."""
    if module.setdefault(_DECLARED, 0):
        what = "this file declares it already, and the last one would win"
        yield Problem(file, "DAG id", dag_id, what, "one DAG for each file", "move the other one to a file of its own")
    module[_DECLARED] += 1


def _zone_tag(start_date: dt.date) -> list[str]:
    """For the commands that take dates: in the DAG's time zone, which is that of its start date."""
    import pendulum

    name = pendulum.instance(_moment(start_date)).timezone_name
    return [] if name in (None, "UTC", "+00:00") else [f"{TIMEZONE_TAG}{name}"]


def _moment(day: dt.date) -> dt.datetime:
    return day if isinstance(day, dt.datetime) else dt.datetime(day.year, day.month, day.day, tzinfo=dt.UTC)

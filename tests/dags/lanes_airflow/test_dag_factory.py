"""lanes.dag: what it makes of its arguments and says of bad ones, in files as the DAG processor imports them."""

import datetime as dt

import pytest
from airflow.models.dagbag import DagBag

from tests.dags.lanes_airflow.conftest import MANIFEST

GOOD = '''"""### Says hello

### When it fails
Clear it.
"""

import datetime as dt

from airflow.sdk import task
from lanes import dag

with dag(
    team="ml",
    owner="ml",
    pool="ml",
    schedule="0 3 * * *",
    start_date=dt.date(2026, 1, 1),
    catchup=False,
    doc_md=__doc__,
):
    @task
    def hello() -> None: ...

    hello()
'''


@pytest.fixture
def imported(tmp_path):
    def load(text, name="recommendation_hello"):
        (tmp_path / f"{name}.py").write_text(text)
        return DagBag(str(tmp_path / f"{name}.py"), include_examples=False)

    return load


def test_a_good_dag_has_what_the_team_and_the_environment_say(imported, manifest, tmp_path) -> None:
    made = imported(GOOD).dags["recommendation_hello"]
    assert made.schedule is None  # the environment does not switch it on
    assert made.declared_schedule == "0 3 * * *"
    assert made.start_date == dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    assert made.tags == {"team:ml", f"release:{MANIFEST['release']}"}
    assert made.owner_links == {"ml": "mailto:ml@example.com"}
    assert made.fileloc == str(tmp_path / "recommendation_hello.py")
    task = made.get_task("hello")
    assert (task.owner, task.pool, task.priority_weight, task.retries) == ("ml", "ml", 5, 2)
    assert "absolute" in str(task.weight_rule).lower()
    assert task.execution_timeout == dt.timedelta(minutes=10)
    manifest(schedules={"recommendation_hello": True})
    assert imported(GOOD).dags["recommendation_hello"].schedule == "0 3 * * *"


def test_options_reach_the_dag_and_its_tasks(imported) -> None:
    options = """doc_md=__doc__, priority=9, retries=0, execution_timeout=dt.timedelta(minutes=1), tags=["x"],
    max_active_runs=3, default_args={"trigger_rule": "all_done"}, params={"n": 1}"""
    made = imported(GOOD.replace("doc_md=__doc__", options)).dags["recommendation_hello"]
    task = made.get_task("hello")
    assert (task.priority_weight, task.retries, task.trigger_rule) == (9, 0, "all_done")
    assert task.execution_timeout == dt.timedelta(minutes=1)
    assert (made.max_active_runs, made.params["n"]) == (3, 1)


def test_a_lane_keeps_the_limit_of_its_task_toml(imported) -> None:
    lane = 'run_task("microbiome", command=["x"])\n    from lanes.ecs.operator import RunTask\n'
    lane += '    RunTask.partial(task_id="mapped", name="microbiome").expand(command=[["a"]])'
    text = GOOD.replace("import dag\n", "import dag, run_task\n").replace("    hello()\n", f"    {lane}\n    hello()\n")
    found = imported(text)
    assert found.import_errors == {}
    tasks = found.dags["recommendation_hello"].task_dict
    assert {name: task.execution_timeout for name, task in tasks.items()} == {
        "hello": dt.timedelta(minutes=10),
        "microbiome": None,
        "mapped": None,
    }


def test_a_mapped_light_task_gets_the_limit_too(imported) -> None:
    text = GOOD.replace("def hello() ", "def hello(n) ").replace("    hello()\n", "    hello.expand(n=[1, 2])\n")
    mapped = imported(text).dags["recommendation_hello"].get_task("hello")
    assert mapped.execution_timeout == dt.timedelta(minutes=10)


# What is changed → what the import error says of it.
BAD = {
    "unknown team": (
        'team="ml"',
        'team="lm"',
        'team = "lm": no such team; allowed: platform, bioinformatics, ml, data',
    ),
    "id": ('team="ml"', 'team="data"', 'DAG id = "recommendation_hello": does not begin with a prefix of team data'),
    "owner": ('owner="ml"', 'owner="mel"', 'owner = "mel": no owner of team ml; allowed: ml; fix: use ml'),
    "foreign pool": ('pool="ml"', 'pool="data"', 'pool = "data": no pool of team ml; allowed: ml; fix: use ml'),
    "default pool": ('pool="ml"', 'pool="default_pool"', "shared by nobody, so that nobody can fill it"),
    "cron": ('"0 3 * * *"', '"0 25 * * *"', 'schedule = "0 25 * * *": not a cron expression'),
    "words": ('"0 3 * * *"', '"daily"', "not a cron expression; allowed: minute hour day month weekday, or @once"),
    "moving start": ("dt.date(2026, 1, 1)", "dt.datetime.now(dt.UTC)", "looks like a clock: it would move"),
    "naive start": (
        "dt.date(2026, 1, 1)",
        "dt.datetime(2026, 1, 1)",
        "start_date = 2026-01-01 00:00:00: has no time z",
    ),
    "text start": ("dt.date(2026, 1, 1)", '"2026-01-01"', 'start_date = "2026-01-01": not a date'),
    "catchup": ("catchup=False", "catchup=True", "say how many with max_active_runs"),
    "no answer": ("catchup=False", "catchup=None", "not a yes or no"),
    "documentation": ("### When it fails", "### Notes", "doc_md: has no line '### When it fails'"),
    "nothing said": ("doc_md=__doc__", "doc_md=None", "doc_md: is empty"),
    "typing error": ("doc_md=__doc__", "doc_md=__doc__, retires=1", "retires = 1: no argument of lanes.dag"),
    "owner by the back door": (
        "doc_md=__doc__",
        'doc_md=__doc__, default_args={"owner": "me"}',
        "default_args.owner: lanes.dag sets it; allowed: other arguments of tasks; fix: say owner=… to lanes.dag",
    ),
    "priority": (
        "doc_md=__doc__",
        "doc_md=__doc__, priority=11",
        "priority_weight = 11: not for team ml; allowed: 1 to",
    ),
    "retries": ("@task\n", "@task(retries=11)\n", "task hello: retries = 11: hides a failure; allowed: 0 to 10"),
    "task's pool": ("@task\n", '@task(pool="data")\n', 'task hello: pool = "data": no pool of team ml'),
    "task's owner": ("@task\n", '@task(owner="x")\n', 'task hello: owner = "x": no owner of team ml'),
    "slots": ("@task\n", "@task(pool_slots=5)\n", "task hello: pool_slots = 5: ml has 4 slots; allowed: 1 to 4"),
    "no such day": ('"0 3 * * *"', '"0 3 31 2 *"', 'schedule = "0 3 31 2 *": no such day: it would never run'),
    "no time between": ('"0 3 * * *"', "dt.timedelta(0)", "no time between two runs; allowed: a timedelta above 0"),
    "no assets": ('"0 3 * * *"', "[]", 'schedule = "[]": not a list of assets; allowed: one asset or more'),
    "names of assets": ('"0 3 * * *"', '["orders"]', "not a list of assets"),
    "a number": ('"0 3 * * *"', "5", 'schedule = "5": no schedule; allowed: a cron, timedelta, timetable, asset'),
    "end before start": (
        "doc_md=__doc__",
        "doc_md=__doc__, end_date=dt.datetime(2025, 1, 1, tzinfo=dt.UTC)",
        "before start_date: it never runs",
    ),
    "naive end": ("doc_md=__doc__", "doc_md=__doc__, end_date=dt.datetime(2027, 1, 1)", "end_date"),
    "no runs": (
        "doc_md=__doc__",
        "doc_md=__doc__, max_active_runs=0",
        "max_active_runs = 0: no such number; allowed: a w",
    ),
    "words for runs": (
        "doc_md=__doc__",
        'doc_md=__doc__, max_active_runs="3"',
        'max_active_runs = "3": no such number',
    ),
    "seconds": (
        "doc_md=__doc__",
        "doc_md=__doc__, dagrun_timeout=60",
        "dagrun_timeout = 60: no time; allowed: a timed",
    ),
    "one tag": ("doc_md=__doc__", 'doc_md=__doc__, tags="x"', 'tags = "x": not a list of texts'),
    "a tag of ours": ("doc_md=__doc__", 'doc_md=__doc__, tags=["team:data"]', 'tags = "team:data": lanes.dag sets it'),
    "no table": ("doc_md=__doc__", "doc_md=__doc__, default_args=[1]", "default_args = [1]: not a table"),
    "no owner": ('owner="ml"', "owner=None", "owner: no owner of team ml; allowed: ml"),
    "no pool": ('pool="ml"', "pool=None", "pool: no pool of team ml; allowed: ml"),
    "teams": ('team="ml"', 'team=["ml"]', 'team = ["ml"]: no such team; allowed: platform'),
    "no text": ("doc_md=__doc__", "doc_md=5", "doc_md: has no line"),
    "no task": ("    hello()\n", "", "declares no task: each of its runs would end at once, as a success"),
    "another rule": ("@task\n", '@task(weight_rule="downstream")\n', 'task hello: weight_rule = "downstream": adds up'),
    "timeout": ("doc_md=__doc__", "doc_md=__doc__, execution_timeout=60", "for example dt.timedelta(minutes=10)"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_dag_is_an_import_error_that_names_file_and_fix(name, imported) -> None:
    old, new, said = BAD[name]
    assert old in GOOD
    errors = list(imported(GOOD.replace(old, new, 1)).import_errors.values())
    assert len(errors) == 1
    assert said in errors[0], errors[0]
    assert "dags/recommendation_hello.py: " in errors[0]
    assert "; fix: " in errors[0]


def test_two_dags_in_one_file_are_refused_and_the_file_may_be_imported_again(imported) -> None:
    assert imported(GOOD).import_errors == {}
    assert imported(GOOD).import_errors == {}
    body = GOOD.partition("with dag(")[2]
    said = next(iter(imported(f"{GOOD}\nwith dag({body}").import_errors.values()))
    assert 'DAG id = "recommendation_hello": this file declares it already, and the last one would win' in said


@pytest.mark.parametrize(
    ("start", "tags"),
    [
        ("dt.datetime(2026, 1, 1, tzinfo=ZoneInfo('Asia/Tokyo'))", {"timezone:Asia/Tokyo"}),
        ("dt.datetime(2026, 1, 1, tzinfo=dt.timezone(dt.timedelta(hours=9)))", {"timezone:+09:00"}),
        ("dt.datetime(2026, 1, 1, tzinfo=ZoneInfo('UTC'))", set()),
    ],
)
def test_another_time_zone_than_utc_is_a_tag_because_the_rest_api_does_not_tell_it(start, tags, imported) -> None:
    text = GOOD.replace("dt.date(2026, 1, 1)", start).replace(
        "import datetime as dt", "import datetime as dt\nfrom zoneinfo import ZoneInfo"
    )
    assert imported(text).dags["recommendation_hello"].tags == {"team:ml", f"release:{MANIFEST['release']}", *tags}


def test_all_problems_are_said_at_once(imported) -> None:
    text = GOOD.replace('owner="ml"', 'owner="x"').replace('"0 3 * * *"', '"never"').replace("### When", "When")
    assert "3 problems:" in next(iter(imported(text).import_errors.values()))


def test_a_pool_that_this_environment_does_not_have(imported, manifest) -> None:
    manifest(pools={"default_pool": 128, "platform": 2})
    said = next(iter(imported(GOOD).import_errors.values()))
    assert "environment dev has no such pool" in said
    assert "fix: give it slots in environments/dev.toml under [pools]" in said

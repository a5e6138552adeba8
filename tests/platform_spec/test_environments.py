"""environments/*.toml: the shipped ones load; a bad one names file, key, value, allowed values and fix."""

from pathlib import Path

import pytest

from platform_spec.environments import environment_names, load_environment
from platform_spec.errors import SpecError

ROOT = Path(__file__).parents[2]
MINIMAL = """
account = "111122223333"
region = "us-east-1"
zones = ["us-east-1a", "us-east-1b"]
[network]
cidr = "10.20.0.0/16"
"""


def problems_of(root: Path, text: str) -> list[tuple[str, str]]:
    (root / "environments").mkdir()
    (root / "environments" / "dev.toml").write_text(text)
    with pytest.raises(SpecError) as caught:
        load_environment("dev", root)
    assert all(problem.file == "environments/dev.toml" for problem in caught.value.problems)
    return [(problem.key, str(problem)) for problem in caught.value.problems]


def test_the_shipped_environments() -> None:
    assert environment_names(ROOT) == ["dev", "local", "prod", "stg"]
    for name in environment_names(ROOT):
        assert load_environment(name, ROOT).name == name


def test_production_keeps_its_data_and_is_private() -> None:
    prod = load_environment("prod", ROOT)
    assert (prod.keeps_data, prod.airflow.web_server_access, prod.network.mode) == (True, "private", "endpoints")


def test_defaults_are_the_safe_ones(tmp_path: Path) -> None:
    (tmp_path / "environments").mkdir()
    (tmp_path / "environments" / "dev.toml").write_text(MINIMAL)
    env = load_environment("dev", tmp_path)
    assert (env.keeps_data, env.airflow.version, env.airflow.web_server_access) == (True, "3.0.6", "private")
    assert env.pool_slots == {"default_pool": 128}
    assert env.airflow.concurrency == 10


def test_unknown_environment_lists_the_known_ones() -> None:
    with pytest.raises(SpecError) as caught:
        load_environment("prd", ROOT)
    assert str(caught.value) == (
        'environments/: there is no environment "prd"; allowed: dev, local, prod, stg; fix: did you mean prod?'
    )


@pytest.mark.parametrize("name", ["../environments/dev", "", "dev.toml"])
def test_a_name_is_never_a_path(name: str) -> None:
    with pytest.raises(SpecError, match="there is no environment"):
        load_environment(name, ROOT)


@pytest.mark.parametrize(
    ("change", "by", "key", "parts"),
    [
        ("", '[airflow]\nversion = "3.0.5"', "airflow.version", ["3.0.5", "allowed: 3.0.6, 3.2.1", "fix: use 3.0.6"]),
        ("", '[airflow]\nenvironment_class = "mw1.mid"', "airflow.environment_class", ["mw1.2xlarge", "fix: use mw1."]),
        (
            "",
            "[airflow]\nmin_workers = 5",
            "airflow.min_workers",
            ["= 5", "allowed: 1 to 2", "fix: set min_workers = 2"],
        ),
        ("", "[airflow]\nschedulers = 1", "airflow.schedulers", ["= 1", "allowed: 2 to 5", "fix: set schedulers = 2"]),
        ("", "[airflow]\nmax_worker = 2", "airflow.max_worker", ["unknown key", "did you mean max_workers?"]),
        ("", '[airflow.options]\nparallelism = "3"', "airflow.options.parallelism", ["section.option"]),
        ("", '[airflow.log_levels]\ntask = "info"', "airflow.log_levels.task", ["DEBUG, INFO", "fix: use"]),
        ("[network]", "[network]\nnat_gateways = 1", "network.nat_gateways", ["= 1", "allowed: 0", "mode = nat"]),
        ("[network]", '[network]\nmode = "nat"', "network.nat_gateways", ["= 0", "set nat_gateways = 1"]),
        ("10.20.0.0/16", "10.20.1.0/16", "network.cidr", ["host bits", 'fix: use "10.20.0.0/16"']),
        ("10.20.0.0/16", "10.20.0.0/8", "network.cidr", ["/16 to /22"]),
        ("10.20.0.0/16", "8.8.0.0/16", "network.cidr", ["not a private network"]),
        ('"us-east-1b"', '"us-west-2b"', "zones", ['"us-west-2b"', "no zone of us-east-1", "us-east-1a"]),
        ('"us-east-1b"', '"us-east-1a"', "zones", ["named twice"]),
        (', "us-east-1b"', "", "zones", ["2 or 3 availability zones"]),
        ('"111122223333"', "111122223333", "account", ["12 digits in quotes"]),
        ("", "[pools]\nbioinformatics = 99", "pools", ["99 slots", "runs 10 tasks at once", "at most 10"]),
        ("", "[pools]\nbioinformatics = 0", "pools.bioinformatics", ["= 0", "fix: for example"]),
        ("account", "log_retention_days = 31\naccount", "log_retention_days", ["31", "30, 60", "fix: use 30"]),
        ("account", "spot_share = 1.5\naccount", "spot_share", ["1.5", "0 (no Fargate Spot) to 1"]),
        ("account", 'alarm_address = "me"\naccount', "alarm_address", ["e-mail address"]),
        ("account", "keeps_data = false\ndata_locked_days = 9\naccount", "data_locked_days", ["= 9", "set keeps_data"]),
        ("account", "keep_data = true\naccount", "keep_data", ["did you mean keeps_data?"]),
        ('cidr = "10.20.0.0/16"', "", "network.cidr", ["is missing", "10.20.0.0/16"]),
    ],
)
def test_each_problem_names_value_allowed_and_fix(
    tmp_path: Path, change: str, by: str, key: str, parts: list[str]
) -> None:
    assert change in MINIMAL
    text = MINIMAL.replace(change, by, 1) if change else MINIMAL + by
    [(found, message)] = problems_of(tmp_path, text)
    assert found == key
    assert "; fix: " in message
    assert "allowed: " in message
    for part in parts:
        assert part in message


def test_micro_takes_one_of_each(tmp_path: Path) -> None:
    keys = [key for key, _ in problems_of(tmp_path, MINIMAL + '[airflow]\nenvironment_class = "mw1.micro"')]
    assert keys == ["airflow.schedulers", "airflow.web_servers", "airflow.max_workers"]


def test_problems_of_different_tables_come_together(tmp_path: Path) -> None:
    text = MINIMAL.replace("10.20.0.0/16", "nonsense").replace("account", "acount") + "[airflow]\nmin_workers = 9"
    assert [key for key, _ in problems_of(tmp_path, text)] == [
        "account", "airflow.min_workers", "network.cidr", "acount",
    ]  # fmt: skip


def test_where_failures_are_told(tmp_path: Path) -> None:
    [(key, problem)] = problems_of(tmp_path, MINIMAL + '[notifications]\nfailures = "slack"\n')
    assert key == "notifications.failures"
    assert "Slack is on the internet, which network.mode endpoints cannot reach" in problem
    (tmp_path / "b").mkdir()
    [(key, problem)] = problems_of(tmp_path / "b", MINIMAL + '[notifications]\nfailures = "mail"\n')
    assert key == "notifications.failures"
    assert "sns" in problem
    assert "slack" in problem

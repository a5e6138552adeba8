"""dags/teams.toml: the shipped one fits the environments; a bad one names key, value, allowed values and fix."""

from pathlib import Path

import pytest

from platform_spec.environments import environment_names, load_environment
from platform_spec.errors import SpecError
from platform_spec.teams import load_teams

ROOT = Path(__file__).parents[2]
TEAM = """\
[teams.ml]
prefixes = ["recommendation"]
owners = { ml = "ml@example.com" }
pools = ["ml"]
priority = { lowest = 1, default = 5, highest = 10 }
retries = 2
timeout_minutes = 10
"""


def problems_of(tmp_path: Path, text: str) -> list[str]:
    (tmp_path / "dags").mkdir()
    (tmp_path / "dags/teams.toml").write_text(text)
    with pytest.raises(SpecError) as caught:
        load_teams(tmp_path)
    return [str(problem) for problem in caught.value.problems]


@pytest.mark.parametrize("name", environment_names(ROOT))
def test_each_team_has_its_pools_in_each_environment_and_nobody_else_has_any(name: str) -> None:
    teams = load_teams(ROOT)
    assert set(load_environment(name, ROOT).pools) == {pool for team in teams.values() for pool in team.pools}


def test_an_id_is_a_prefix_or_begins_with_one() -> None:
    team = load_teams(ROOT)["ml"]
    owned = [team.owns_id(name) for name in ("recommendation", "recommendation_day", "recommendations", "daily_x")]
    assert owned == [True, True, False, False]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('["ml"]', '["ML"]', "teams.ml.pools.0"),
        ("retries = 2", "retries = 20", "allowed: 0 to 10"),
        ("default = 5", "default = 11", "allowed: lowest <= default <= highest"),
        ('owners = { ml = "ml@example.com" }\n', "", "teams.ml.owners: is missing"),
        ("retries = 2", "retry = 2", "did you mean retries?"),
        ("[teams.ml]", "[ml]", "unknown key"),
    ],
)
def test_a_bad_table(tmp_path: Path, old: str, new: str, said: str) -> None:
    assert old in TEAM
    found = problems_of(tmp_path, TEAM.replace(old, new))
    assert any(said in text for text in found), found
    assert all(text.startswith("dags/teams.toml: ") for text in found)


def test_two_teams_share_neither_prefix_nor_pool(tmp_path: Path) -> None:
    found = problems_of(tmp_path, TEAM + TEAM.replace("teams.ml", "teams.data"))
    assert len(found) == 4
    assert 'teams.data.pools = "ml": another team has it too' in found[-1]

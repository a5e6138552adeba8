"""What an idle environment costs, from the templates that are deployed, against sums made by hand."""

import pytest

from ops.cost.cheaper import cheaper
from ops.cost.idle import Idle, idle
from platform_spec.environments import load_environment
from tests.stacks.conftest import ROOT, Deployments
from tests.stacks.evaluate import Deployment

HOURS = 730
# Tokyo, by hand: hours × pieces × USD.
BY_HAND = {
    # Small environment 0.49, one NAT gateway 0.062 with its address 0.005, one key 1.00 a month.
    "dev": (0.49 + 0.062 + 0.005) * HOURS + 1.00,
    # Medium environment 0.74, one worker and one scheduler more than it includes 0.11 each, 14 endpoints in 3 zones.
    "prod": (0.74 + 2 * 0.11 + 14 * 3 * 0.014) * HOURS + 1.00,
}


def costs(deployments: Deployments, name: str) -> Idle:
    return idle(load_environment(name, ROOT), deployments[name].stacks)


@pytest.mark.parametrize("name", BY_HAND)
def test_the_sum_is_that_made_by_hand(deployments: Deployments, name: str) -> None:
    found = costs(deployments, name)
    assert found.usd_month == pytest.approx(BY_HAND[name])
    assert found.lines[0].what.startswith("environment mw1.")
    assert found.unknown == ["alarm metrics"]  # no price of the Region for them


def test_nothing_in_a_template_is_overlooked(deployment: Deployment) -> None:
    """A new type of resource is either counted, billed by use, or known to be free."""
    assert idle(load_environment(deployment.name, ROOT), deployment.stacks).not_counted == []


def test_what_would_be_cheaper_is_the_difference_of_two_bills(deployments: Deployments) -> None:
    options = cheaper(load_environment("prod", ROOT), costs(deployments, "prod"))
    saved = {option.how: option.usd_month for option in options}
    one_gateway = (14 * 3 * 0.014 - 0.062 - 0.005) * HOURS
    assert saved['[network] mode = "nat", nat_gateways = 1'] == pytest.approx(one_gateway)
    assert saved["[airflow] schedulers = 2"] == pytest.approx(0.11 * HOURS)
    assert saved['[airflow] environment_class = "mw1.small"'] == pytest.approx((0.74 - 0.49) * HOURS)
    assert list(saved.values()) == sorted(saved.values(), reverse=True)
    dev = cheaper(load_environment("dev", ROOT), costs(deployments, "dev"))
    assert [option.how for option in dev if "network" in option.how] == []  # it has the cheap network already

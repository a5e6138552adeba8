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
    # A worker and a scheduler more than the class includes become cheaper with it: 0.055 instead of 0.11 each.
    smaller = 0.74 + 2 * 0.11 - (0.49 + 2 * 0.055)
    assert saved['[airflow] environment_class = "mw1.small"'] == pytest.approx(smaller * HOURS)
    [given_up] = [option.costs for option in options if "environment_class" in option.how]
    assert "[pools] promise 100 slots" in given_up  # ten workers of mw1.small run 50 tasks
    assert saved['zones = ["ap-northeast-1a", "ap-northeast-1c"]'] == pytest.approx(14 * 0.014 * HOURS)
    assert list(saved.values()) == sorted(saved.values(), reverse=True)
    dev = cheaper(load_environment("dev", ROOT), costs(deployments, "dev"))
    assert [option.how for option in dev if "network" in option.how] == []  # it has the cheap network already


def test_instances_and_secrets_that_are_there_are_counted_and_their_unknown_price_is_said() -> None:
    def definition(*secrets: str) -> dict[str, object]:
        named = [{"Name": name, "ValueFrom": name} for name in secrets]
        return {"Type": "AWS::ECS::TaskDefinition", "Properties": {"ContainerDefinitions": [{"Secrets": named}]}}

    batch = {"ComputeResources": {"Type": "EC2", "MinvCpus": 4}}
    resources = {
        "Group": {"Type": "AWS::AutoScaling::AutoScalingGroup", "Properties": {"MinSize": "2"}},
        "Batch": {"Type": "AWS::Batch::ComputeEnvironment", "Properties": batch},
        "One": definition("a", "b"),
        "Two": definition("a"),
    }
    found = idle(load_environment("local", ROOT), {"compute": {"Resources": resources}})
    assert {line.what: (line.quantity, line.usd_month) for line in found.lines} == {
        "secrets": (2, 0.80),
        "ECS instances that always run": (2, None),
        "vCPUs of Batch instances that always run": (4, None),
    }
    assert found.not_counted == []
    empty = {"Group": {"Type": "AWS::AutoScaling::AutoScalingGroup", "Properties": {"MinSize": "0"}}}
    assert idle(load_environment("local", ROOT), {"compute": {"Resources": empty}}).lines == []


def test_what_bills_by_use_is_named_with_its_unit_and_price(deployments: Deployments) -> None:
    uses = {line.what: line.price.usd if line.price else None for line in costs(deployments, "local").by_use}
    assert uses["tables' point-in-time recovery, per GB-month"] == 0.20
    assert uses["traffic through interface endpoints, per GB"] == 0.01
    assert uses["up to 1 more Airflow workers, per hour each"] == 0.11
    assert uses["metrics of the lanes, per metric-month"] is None
    assert "traffic through NAT gateways, per GB" in {line.what for line in costs(deployments, "dev").by_use}

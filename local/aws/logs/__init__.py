"""CloudWatch Logs where ministack differs from AWS."""

from local.aws.logs import embedded_metrics, group_keys


def install() -> None:
    """Install every correction."""
    group_keys.install()
    embedded_metrics.install()

"""CloudWatch Logs where ministack differs from AWS."""

from local.aws.logs import embedded_metrics, event_targets, filtered_events, group_keys


def install() -> None:
    """Install every correction."""
    event_targets.install()
    group_keys.install()
    embedded_metrics.install()
    filtered_events.install()

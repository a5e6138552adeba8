"""Addresses in AWS's console. Pure."""

from __future__ import annotations

from urllib.parse import quote

from lanes.attempts.launch import Launch


def log_link(launch: Launch, log_stream: str) -> str:
    return (
        f"https://{launch.region}.console.aws.amazon.com/cloudwatch/home?region={launch.region}#logsV2:log-groups"
        f"/log-group/{_twice(launch.log_group)}/log-events/{_twice(log_stream)}"
    )


def _twice(text: str) -> str:
    """CloudWatch's console wants its fragment quoted twice, with $ instead of %."""
    return quote(quote(text, safe=""), safe="").replace("%", "$")

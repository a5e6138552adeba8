"""The address that Slack's secret must hold: said once, for the DAG kit that posts to it and for the preflight."""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit


def is_webhook(address: str) -> bool:
    """Whether messages may be posted there: https, or http on this very machine. Never log the address: it is a key."""
    try:
        parts = urlsplit(address)
        host = parts.hostname or ""
        if parts.scheme == "https":
            return bool(host) and not any(letter.isspace() for letter in address)
        return parts.scheme == "http" and ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False

"""Readers: one per resource type, from a physical id to the properties in the template's form and the attributes."""

from local.aws.compare.readers import (
    batch,
    compute,
    encryption,
    iam,
    messages,
    monitoring,
    network,
    registry,
    routes,
    storage,
    tables,
)
from local.aws.compare.readers.base import Deployed, Reader

READERS: dict[str, Reader] = {}
for part in (batch, compute, encryption, iam, messages, monitoring, network, registry, routes, storage, tables):
    READERS |= part.READERS

__all__ = ["READERS", "Deployed", "Reader"]

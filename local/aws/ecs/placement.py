"""Which capacity each task of a RunTask call gets.

Source: Amazon ECS Developer Guide, "Capacity provider strategy": `base` tasks of a call go to that provider first, the
rest in proportion to the weights; weight 0 gets none. A single task is placed by chance in that proportion.
"""

import random
from typing import Any

from local.aws.ecs.errors import EcsError

Json = dict[str, Any]
Placement = tuple[str, str | None]  # launch type, capacity provider
_FARGATE = {"FARGATE", "FARGATE_SPOT"}


def place(data: Json, cluster: Json) -> list[Placement]:
    """One placement per task of the call. Raises EcsError for a provider that the cluster does not have."""
    count = int(data.get("count", 1))
    strategy = data.get("capacityProviderStrategy")
    if not strategy and data.get("launchType"):
        return [(data["launchType"], None)] * count
    strategy = strategy or cluster.get("defaultCapacityProviderStrategy")
    if not strategy:
        return [("EC2", None)] * count
    for item in strategy:
        if item.get("capacityProvider") not in (cluster.get("capacityProviders") or []):
            raise EcsError(
                "InvalidParameterException",
                f"The specified capacity provider strategy contains a capacity provider that is not associated with "
                f"the cluster: {item.get('capacityProvider')}. Associate it with the cluster and try again.",
            )
    chosen = [item["capacityProvider"] for item in strategy for _ in range(int(item.get("base", 0)))][:count]
    chosen += _by_weight(strategy, count - len(chosen))
    return [("FARGATE" if provider in _FARGATE else "EC2", provider) for provider in chosen]


def _by_weight(strategy: list[Json], count: int) -> list[str]:
    weighted = {item["capacityProvider"]: int(item.get("weight", 1 if len(strategy) == 1 else 0)) for item in strategy}
    total = sum(weighted.values())
    if count and not total:
        raise EcsError("InvalidParameterException", "At least one capacity provider must have a weight above zero.")
    chosen = [provider for provider, weight in weighted.items() for _ in range(count * weight // (total or 1))]
    rest = random.choices(list(weighted), list(weighted.values()), k=count - len(chosen))  # noqa: S311
    return chosen + rest if count else []

"""Task-definition revisions: one per image, made from the deployed definition, the old ones removed."""

from __future__ import annotations

from typing import Any

# What DescribeTaskDefinition answers and RegisterTaskDefinition does not take.
ANSWERED_ONLY = (
    "taskDefinitionArn", "revision", "status", "requiresAttributes", "compatibilities", "registeredAt", "registeredBy",
    "deregisteredAt", "deleteRequestedAt",
)  # fmt: skip
# A task that was planned a moment ago may still name the one before.
KEPT = 2


def wanted_definition(ecs: Any, base: str, family: str, image: str) -> tuple[dict[str, Any], list[dict[str, str]]]:
    """The deployed definition `base` with another image and under another family, and its tags."""
    answer = ecs.describe_task_definition(taskDefinition=base, include=["TAGS"])
    definition = {key: value for key, value in answer["taskDefinition"].items() if key not in ANSWERED_ONLY}
    first, *others = definition["containerDefinitions"]
    definition |= {"family": family, "containerDefinitions": [{**first, "image": image}, *others]}
    return definition, answer.get("tags", [])


def register_if_new(ecs: Any, base: str, family: str, image: str) -> tuple[str, bool]:
    """The ARN of the revision of `family` that is `base` with `image`, and whether it was registered now."""
    definition, tags = wanted_definition(ecs, base, family, image)
    active = revisions(ecs, family)
    if active:
        answered = ecs.describe_task_definition(taskDefinition=active[0])["taskDefinition"]
        if {key: answered.get(key) for key in definition} == definition:
            return active[0], False
    made = ecs.register_task_definition(**definition, **({"tags": tags} if tags else {}))
    return str(made["taskDefinition"]["taskDefinitionArn"]), True


def remove_old(ecs: Any, family: str) -> list[str]:
    """Deregister all but the newest KEPT revisions; tasks that run go on. Returns their ARNs."""
    old = revisions(ecs, family)[KEPT:]
    for arn in old:
        ecs.deregister_task_definition(taskDefinition=arn)
    return old


def revisions(ecs: Any, family: str) -> list[str]:
    """ARNs of the active revisions, the newest first. The service matches prefixes; other families are left out."""
    pages = ecs.get_paginator("list_task_definitions").paginate(familyPrefix=family, status="ACTIVE")
    arns = [arn for page in pages for arn in page["taskDefinitionArns"]]
    ours = [arn for arn in arns if arn.rsplit("/", 1)[-1].rsplit(":", 1)[0] == family]
    return sorted(ours, key=lambda arn: int(arn.rsplit(":", 1)[-1]), reverse=True)

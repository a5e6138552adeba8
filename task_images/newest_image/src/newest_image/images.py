"""Which image of a repository was pushed last."""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from newest_image.errors import BadInput


class Image(NamedTuple):
    pushed: str  # ISO 8601, UTC
    digest: str
    tags: tuple[str, ...]


def newest(ecr: Any, repository: str, tags: str) -> Image:
    """The image with the latest push among those with a tag that matches the whole of the regular expression `tags`."""
    try:
        wanted = re.compile(tags)
    except re.error as error:
        raise BadInput(f"--tags {tags!r} is no regular expression: {error}") from error
    seen, found = set[str](), list[Image]()
    try:
        for page in ecr.get_paginator("describe_images").paginate(repositoryName=repository):
            for image in page["imageDetails"]:
                names = tuple(sorted(image.get("imageTags", [])))
                seen.update(names)
                if any(wanted.fullmatch(name) for name in names):
                    found.append(Image(image["imagePushedAt"].isoformat(), image["imageDigest"], names))
    except ecr.exceptions.RepositoryNotFoundException as error:
        raise BadInput(f"there is no repository {repository}; deploy the registry stack") from error
    if not found:
        there = ", ".join(sorted(seen)[-5:]) or "no tagged image"
        raise BadInput(f"no image of {repository} has a tag that matches {tags!r} (it has: {there}); push one")
    return max(found)

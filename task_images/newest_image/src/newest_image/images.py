"""Which image of a repository was pushed last."""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from newest_image.errors import BadInput

# What lies beside an image under a tag of its own and is pushed after it: bills of materials (`<tag>.cdx`, which this
# project's own push adds) and signatures, attestations and other referrers (`sha256-<digest>.sig`, cosign and OCI 1.1).
_BESIDE = re.compile(r".+\.cdx|sha256-[0-9a-f]{64}(\..+)?")
# ECR names the kind of an image's configuration; it names none for an index of several architectures, and emulators
# repeat the kind of the manifest.
_IMAGES = (
    "application/vnd.docker.container.image.v1+json",
    "application/vnd.oci.image.config.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
    "application/vnd.oci.image.manifest.v1+json",
)


class Image(NamedTuple):
    pushed: str  # ISO 8601, UTC
    digest: str
    tags: tuple[str, ...]


def newest(ecr: Any, repository: str, tags: str) -> Image:
    """The image with the latest push among those with a tag that matches the whole of the regular expression `tags`.

    Only what a container can be started from counts: see can_run.
    """
    try:
        wanted = re.compile(tags)
    except re.error as error:
        raise BadInput(f"--tags {tags!r} is no regular expression: {error}") from error
    seen, found = set[str](), list[Image]()
    try:
        for page in ecr.get_paginator("describe_images").paginate(repositoryName=repository):
            for image in page["imageDetails"]:
                if not can_run(image):
                    continue
                names = tuple(sorted(name for name in image.get("imageTags", []) if not _BESIDE.fullmatch(name)))
                seen.update(names)
                if any(wanted.fullmatch(name) for name in names):
                    found.append(Image(image["imagePushedAt"].isoformat(), image["imageDigest"], names))
    except ecr.exceptions.RepositoryNotFoundException as error:
        raise BadInput(f"there is no repository {repository}; deploy the registry stack") from error
    if not found:
        there = ", ".join(sorted(seen)[-5:]) or "no tagged image"
        raise BadInput(f"no image of {repository} has a tag that matches {tags!r} (it has: {there}); push one")
    return max(found)


def can_run(image: dict[str, Any]) -> bool:
    """Whether an entry of DescribeImages is an image, and neither a document about one nor archived."""
    return (
        image.get("artifactMediaType", _IMAGES[0]) in _IMAGES
        and not image.get("subjectManifestDigest")
        and image.get("imageStatus", "ACTIVE") == "ACTIVE"
    )

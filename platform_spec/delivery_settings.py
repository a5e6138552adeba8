"""The [delivery] table of an environment: which pipeline may deploy it."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from platform_spec.loading import Spec


class DeliverySettings(Spec):
    """GitHub Actions signs in by OpenID Connect: no key of the account is kept anywhere."""

    repository: str = Field(
        pattern=r"^[A-Za-z0-9_.-]+/[A-Za-z0-9_.-]+$",
        description="a GitHub repository as owner/name",
        examples=['"example-org/data-platform"'],
    )
    creates_provider: bool = Field(
        default=True, description="true once per account (it has one OIDC provider for GitHub), false for the others"
    )
    readers: Annotated[tuple[str, ...], Field(strict=False)] = Field(
        default=(),
        description="ARNs of deploy roles that may read releases and images here, to promote them",
        examples=['["arn:aws:iam::444455556666:role/tasklane-stg-deploy"]'],
    )

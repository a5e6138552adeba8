"""The [kubernetes] table of an environment: an EKS cluster, there already, for tasks of the lane `kubernetes`."""

from __future__ import annotations

from pydantic import Field

from platform_spec.loading import Spec


class KubernetesSettings(Spec):
    """Without this table the lane `kubernetes` is refused. The cluster is of the environment's account and Region."""

    cluster: str = Field(
        pattern=r"^[0-9A-Za-z][A-Za-z0-9_-]{0,99}$", description="the name of an EKS cluster", examples=['"data"']
    )
    namespace: str = Field(
        pattern=r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$",
        description="a namespace of the tasks' own: small letters, digits and -",
        examples=['"tasklane-dev"'],
    )
    oidc_issuer: str = Field(
        pattern=r"^https://oidc\.eks\.[a-z0-9-]+\.amazonaws\.com(\.cn)?/id/[0-9A-Z]+$",
        description="the cluster's OpenID Connect issuer, as `aws eks describe-cluster` shows it",
        examples=['"https://oidc.eks.ap-northeast-1.amazonaws.com/id/EXAMPLED539D4633E53DE1B71EXAMPLE"'],
    )

    @property
    def provider(self) -> str:
        """The name of IAM's identity provider for the cluster, and the beginning of its condition keys."""
        return self.oidc_issuer.removeprefix("https://")

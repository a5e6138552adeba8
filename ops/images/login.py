"""The way into an environment's image registry: address and password from ECR itself."""

from dataclasses import dataclass, field
from urllib.parse import urlsplit

from ops.workspace import Workspace


@dataclass(frozen=True)
class Login:
    """Where the registry is, and `basic`, the base64 of `AWS:<password>` (good for twelve hours)."""

    url: str
    basic: str = field(repr=False)

    @property
    def host(self) -> str:
        return urlsplit(self.url).netloc

    @property
    def plain_http(self) -> bool:
        return urlsplit(self.url).scheme == "http"


def log_in(workspace: Workspace) -> Login:
    """Ask ECR; botocore's ClientError when the caller may not."""
    [given] = workspace.client("ecr").get_authorization_token()["authorizationData"]
    return Login(given["proxyEndpoint"], given["authorizationToken"])

"""The way to an EKS cluster: its address from EKS, and tokens signed with this process's own role.

Source: EKS user guide, "Grant IAM users access to Kubernetes"; the token is a GetCallerIdentity request, signed for 60
seconds and for this cluster alone, which the cluster sends to STS. It accepts one for a quarter of an hour.
"""

from __future__ import annotations

import base64
import ssl
import threading
import time
from typing import Any

_RENEWED_AFTER_SECONDS = 600.0


class Cluster:
    """`core()` is a client of the core API, made when first asked for. For use from several threads."""

    def __init__(self, name: str, region: str) -> None:
        self.name, self._region = name, region
        self._lock = threading.Lock()
        self._core: Any = None
        self._token, self._token_at = "", 0.0

    def core(self) -> Any:
        """CoreV1Api. Raises what EKS answers (botocore's exceptions)."""
        with self._lock:
            if self._core is None:
                self._core = self._connect()
            return self._core

    def _connect(self) -> Any:
        import boto3
        from kubernetes.client import ApiClient, Configuration, CoreV1Api

        found = boto3.client("eks", region_name=self._region).describe_cluster(name=self.name)["cluster"]
        settings = Configuration()
        settings.host = found["endpoint"]
        settings.retries = False  # ours does the retrying
        settings.refresh_api_key_hook = self._renew
        self._renew(settings)
        client = ApiClient(settings)
        if authority := found.get("certificateAuthority", {}).get("data"):
            # The client takes it from a file only, which nobody would remove; its connections take it as it is.
            context = ssl.create_default_context(cadata=base64.b64decode(authority).decode())
            client.rest_client.pool_manager.connection_pool_kw |= {"ssl_context": context, "ca_certs": None}
        return CoreV1Api(client)

    def forget_token(self) -> None:
        """The cluster did not take it: the next call comes with a new one."""
        self._token = ""

    def _renew(self, settings: Any) -> None:
        """Called by the client before each request."""
        if time.monotonic() - self._token_at > _RENEWED_AFTER_SECONDS or not self._token:
            self._token, self._token_at = _token(self.name, self._region), time.monotonic()
        settings.api_key = {"authorization": self._token}
        settings.api_key_prefix = {"authorization": "Bearer"}


def _token(cluster: str, region: str) -> str:
    import boto3
    from botocore.signers import RequestSigner

    session = boto3.session.Session(region_name=region)
    service = session.client("sts").meta.service_model.service_id
    signer = RequestSigner(service, region, "sts", "v4", session.get_credentials(), session.events)
    suffix = "amazonaws.com.cn" if region.startswith("cn-") else "amazonaws.com"
    request = {
        "method": "GET",
        "url": f"https://sts.{region}.{suffix}/?Action=GetCallerIdentity&Version=2011-06-15",
        "body": {},
        "headers": {"x-k8s-aws-id": cluster},
        "context": {},
    }
    signed = signer.generate_presigned_url(request, region_name=region, expires_in=60, operation_name="")
    return f"k8s-aws-v1.{base64.urlsafe_b64encode(signed.encode()).decode().rstrip('=')}"

"""etcd and a Kubernetes API server on loopback, with RBAC and the admission of a default cluster."""

import json
import secrets
import subprocess
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import yaml

from tests.cluster.assets import API_SERVER, need, program
from tests.cluster.certificates import Certificate, certificate, signing_key
from tests.cluster.processes import Program, free_port, running

ISSUER = "https://oidc.eks.us-east-1.amazonaws.com/id/EXAMPLED539D4633E53DE1B71EXAMPLE"
NODE_NAME = "localhost"
# Who the parts of a cluster are to its API server: token by name (user, group).
PARTS = {
    "admin": ("admin", "system:masters"),
    "kube-scheduler": ("system:kube-scheduler", ""),
    "kube-controller-manager": ("system:kube-controller-manager", ""),
    "kubelet": (f"system:node:{NODE_NAME}", "system:nodes"),
}


@dataclass
class ControlPlane:
    """`admin` asks the API server with all rights; `folder` has the files of the cluster's other parts."""

    endpoint: str
    serving: Certificate
    folder: Path
    admin: httpx.Client
    signing_key: Path
    server: Program

    def ask(self, method: str, path: str, body: object = None, **how: Any) -> dict[str, Any]:
        """The document that the API server answers with. Raises what it refuses, in its own words."""
        answer = self.admin.request(method, path, json=body, **how)
        assert answer.status_code < 400, f"{answer.status_code} {answer.text}"
        return dict(answer.json())

    def kubeconfig(self, part: str) -> Path:
        return self.folder / f"{part}.kubeconfig"

    def apply(self, objects: Iterable[dict[str, Any]]) -> str:
        """As people do it: `kubectl apply -f -`."""
        document = json.dumps({"apiVersion": "v1", "kind": "List", "items": list(objects)})
        argv = [program("kubectl"), "--kubeconfig", str(self.kubeconfig("admin")), "apply", "-f", "-"]
        done = subprocess.run(argv, input=document, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout


@contextmanager
def control_plane(folder: Path, *, authenticator: str = "") -> Iterator[ControlPlane]:
    """A cluster without a node. `authenticator`: the URL that reviews tokens which the API server does not know."""
    need(*API_SERVER, "openssl")
    with etcd(folder) as store:
        made = prepared(folder, authenticator)
        made.server = Program(arguments(made, store, authenticator), folder / "kube-apiserver.log")
        try:
            made.server.until(lambda: is_ready(made.admin))
            yield made
        finally:
            made.server.stop()
            made.admin.close()


@contextmanager
def etcd(folder: Path) -> Iterator[str]:
    client, peer = (f"http://127.0.0.1:{free_port()}" for _ in range(2))
    argv = [program("etcd"), "--data-dir", str(folder / "etcd"), "--unsafe-no-fsync"]
    for name, url in {"client": client, "peer": peer}.items():
        argv += [f"--listen-{name}-urls", url]
    argv += ["--advertise-client-urls", client, "--initial-advertise-peer-urls", peer]
    argv += ["--initial-cluster", f"default={peer}"]
    with running(argv, folder / "etcd.log") as process:
        process.until(lambda: answers(f"{client}/health"))
        yield client


def prepared(folder: Path, authenticator: str) -> ControlPlane:
    endpoint, serving = f"https://127.0.0.1:{free_port()}", certificate(folder, "kube-apiserver")
    tokens = {part: secrets.token_hex(16) for part in PARTS}
    lines = [f'{tokens[part]},{user},{user},"{group}"' for part, (user, group) in PARTS.items()]
    (folder / "tokens.csv").write_text("\n".join(lines) + "\n")
    for part, token in tokens.items():
        reached = {"server": endpoint, "certificate-authority-data": serving.bundle}
        write_kubeconfig(folder / f"{part}.kubeconfig", reached, {"token": token})
    if authenticator:
        write_kubeconfig(folder / "authenticator.kubeconfig", {"server": authenticator}, {})
    admin = httpx.Client(
        base_url=endpoint,
        verify=str(serving.certificate),
        headers={"Authorization": f"Bearer {tokens['admin']}"},
        timeout=60,
    )
    return ControlPlane(endpoint, serving, folder, admin, signing_key(folder), None)  # type: ignore[arg-type]


def arguments(made: ControlPlane, store: str, authenticator: str) -> list[str]:
    folder = made.folder
    options = {
        "etcd-servers": store,
        "bind-address": "127.0.0.1",
        "secure-port": made.endpoint.rpartition(":")[2],
        "tls-cert-file": made.serving.certificate,
        "tls-private-key-file": made.serving.key,
        "service-account-issuer": ISSUER,
        "service-account-key-file": made.signing_key,
        "service-account-signing-key-file": made.signing_key,
        "service-cluster-ip-range": "10.96.0.0/24",
        "authorization-mode": "Node,RBAC",
        "enable-admission-plugins": "NodeRestriction",
        "token-auth-file": folder / "tokens.csv",
        "kubelet-preferred-address-types": "Hostname",
    }
    if authenticator:
        options["authentication-token-webhook-config-file"] = folder / "authenticator.kubeconfig"
        options["authentication-token-webhook-cache-ttl"] = "1s"
    return [program("kube-apiserver"), *(f"--{name}={value}" for name, value in options.items())]


def write_kubeconfig(path: Path, cluster: dict[str, str], user: dict[str, str]) -> None:
    context = {"cluster": "here", "user": "me"}
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "here", "cluster": cluster}],
        "users": [{"name": "me", "user": user}],
        "contexts": [{"name": "here", "context": context}],
        "current-context": "here",
    }
    path.write_text(yaml.safe_dump(document))
    path.chmod(0o600)


def is_ready(admin: httpx.Client) -> bool:
    try:
        return admin.get("/readyz").text == "ok"
    except httpx.HTTPError:
        return False


def answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=2).status_code == 200
    except httpx.HTTPError:
        return False

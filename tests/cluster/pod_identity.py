"""The pod identity webhook of EKS: a pod whose service account names a role gets a token that STS takes for it.

Source: aws/amazon-eks-pod-identity-webhook, README (variables, volume, audience). Besides, pods are told where AWS is.
"""

import base64
import json
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.cluster.certificates import Certificate, certificate
from tests.cluster.control_plane import ControlPlane

FOLDER, VOLUME = "/var/run/secrets/eks.amazonaws.com/serviceaccount", "aws-iam-token"
TOKEN = {"serviceAccountToken": {"audience": "sts.amazonaws.com", "expirationSeconds": 86400, "path": "token"}}


@contextmanager
def pod_identity(plane: ControlPlane, aws: str) -> Iterator[None]:
    """Pods that are made meanwhile get it. `aws`: AWS's address, as pods reach it."""
    serving = certificate(plane.folder, "pod-identity")
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler(plane, aws))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(serving.certificate, serving.key)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    path = "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations"
    plane.ask("POST", path, webhook(server.server_port, serving))
    try:
        yield
    finally:
        plane.ask("DELETE", f"{path}/pod-identity-webhook")
        server.shutdown()
        server.server_close()


def webhook(port: int, serving: Certificate) -> dict[str, Any]:
    pods = {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"]}
    return {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "MutatingWebhookConfiguration",
        "metadata": {"name": "pod-identity-webhook"},
        "webhooks": [
            {
                "name": "pod-identity-webhook.amazonaws.com",
                "clientConfig": {"url": f"https://127.0.0.1:{port}/mutate", "caBundle": serving.bundle},
                "rules": [pods],
                "admissionReviewVersions": ["v1"],
                "sideEffects": "None",
                "failurePolicy": "Fail",
                "timeoutSeconds": 30,
            }
        ],
    }


def changes(pod: dict[str, Any], role: str, aws: str) -> list[dict[str, Any]]:
    """The JSON patch of a pod (RFC 6902)."""
    variables = {
        "AWS_ROLE_ARN": role,
        "AWS_WEB_IDENTITY_TOKEN_FILE": f"{FOLDER}/token",
        "AWS_STS_REGIONAL_ENDPOINTS": "regional",
        "AWS_ENDPOINT_URL": aws,
    }
    volume = {"name": VOLUME, "projected": {"sources": [TOKEN]}}
    patch: list[dict[str, Any]] = [{"op": "add", "path": "/spec/volumes/-", "value": volume}]
    for number, _ in enumerate(pod["spec"]["containers"]):
        where = f"/spec/containers/{number}"
        mount = {"name": VOLUME, "mountPath": FOLDER, "readOnly": True}
        patch.append({"op": "add", "path": f"{where}/volumeMounts/-", "value": mount})
        for name, value in variables.items():
            patch.append({"op": "add", "path": f"{where}/env/-", "value": {"name": name, "value": value}})
    return patch


def handler(plane: ControlPlane, aws: str) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["request"]
            account = asked["object"]["spec"]["serviceAccountName"]
            found = plane.ask("GET", f"/api/v1/namespaces/{asked['namespace']}/serviceaccounts/{account}")
            answer: dict[str, Any] = {"uid": asked["uid"], "allowed": True}
            if role := found["metadata"].get("annotations", {}).get("eks.amazonaws.com/role-arn"):
                patch = json.dumps(changes(asked["object"], role, aws)).encode()
                answer |= {"patchType": "JSONPatch", "patch": base64.b64encode(patch).decode()}
            review = {"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "response": answer}
            body = json.dumps(review).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            """Quiet."""

    return Handler

"""The registry protocol, as far as no builder is needed: copy an image between registries, attach a document to one.

Source: OCI Distribution Specification 1.1. A copy moves the bytes of manifest and layers as they are, so that the
digest stays the same: what was tested in one environment is what runs in the next.
"""

import hashlib
import json
from collections.abc import Iterator
from typing import Any, Self

import httpx

from ops.errors import UserError
from ops.images.login import Login

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
_ACCEPTED = f"{MANIFEST}, {INDEX}, application/vnd.docker.distribution.manifest.v2+json"
_EMPTY = b"{}"
_CHUNK_BYTES = 8 << 20


class Registry:
    """A client of one registry; UserError when it refuses."""

    def __init__(self, login: Login) -> None:
        self.host = login.host
        self._http = httpx.Client(
            base_url=login.url, headers={"Authorization": f"Basic {login.basic}"}, timeout=120, follow_redirects=True
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self._http.close()

    def manifest(self, repository: str, reference: str) -> tuple[bytes, str]:
        """(bytes, media type) of a tag or digest."""
        answer = self._call("GET", f"/v2/{repository}/manifests/{reference}", headers={"Accept": _ACCEPTED})
        return answer.content, answer.headers["Content-Type"]

    def put_manifest(self, repository: str, reference: str, content: bytes, media_type: str) -> str:
        """Returns the digest."""
        path = f"/v2/{repository}/manifests/{reference}"
        self._call("PUT", path, content=content, headers={"Content-Type": media_type})
        return digest_of(content)

    def has_blob(self, repository: str, digest: str) -> bool:
        path = f"/v2/{repository}/blobs/{digest}"
        return self._call("HEAD", path, allowed=(404,)).status_code == 200

    def blob(self, repository: str, digest: str) -> bytes:
        """A small one (a configuration, a bill of materials)."""
        return self._call("GET", f"/v2/{repository}/blobs/{digest}").content

    def about(self, repository: str, digest: str) -> tuple[dict[str, str], dict[str, str]]:
        """(annotations, labels) of one image."""
        manifest = json.loads(self.manifest(repository, digest)[0])
        configuration = json.loads(self.blob(repository, manifest["config"]["digest"]))
        return manifest.get("annotations") or {}, configuration.get("config", {}).get("Labels") or {}

    def put_blob(self, repository: str, content: bytes) -> str:
        """Returns the digest; nothing is sent when the registry has it."""
        digest = digest_of(content)
        if not self.has_blob(repository, digest):
            self._upload(repository, digest, content)
        return digest

    def copy_blob(self, source: "Registry", source_repository: str, repository: str, digest: str) -> None:
        """Stream one blob over from another registry."""
        if self.has_blob(repository, digest):
            return
        with source._http.stream("GET", f"/v2/{source_repository}/blobs/{digest}") as answer:
            if answer.status_code != 200:
                raise UserError(f"{source.host} does not give {digest} of {source_repository} ({answer.status_code})")
            self._upload(repository, digest, answer.iter_bytes(_CHUNK_BYTES))

    def attach(self, repository: str, subject: str, tag: str, kind: str, content: bytes) -> str:
        """Put a document beside the image with digest `subject`, as `tag`; returns the document's digest."""
        shown, media_type = self.manifest(repository, subject)
        self.put_blob(repository, _EMPTY)
        empty = _descriptor("application/vnd.oci.empty.v1+json", _EMPTY)
        self.put_blob(repository, content)
        document = {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "artifactType": kind,
            "config": empty,
            "layers": [_descriptor(kind, content)],
            "subject": _descriptor(media_type, shown),
        }
        self.put_manifest(repository, tag, json.dumps(document).encode(), MANIFEST)
        return digest_of(content)

    def _upload(self, repository: str, digest: str, content: bytes | Iterator[bytes]) -> None:
        begun = self._call("POST", f"/v2/{repository}/blobs/uploads/").headers["Location"]
        sent = self._call("PATCH", begun, content=content, headers={"Content-Type": "application/octet-stream"})
        self._call("PUT", sent.headers.get("Location", begun), params={"digest": digest})

    def _call(self, method: str, path: str, *, allowed: tuple[int, ...] = (), **arguments: Any) -> httpx.Response:
        try:
            answer = self._http.request(method, path, **arguments)
        except httpx.HTTPError as error:
            raise UserError(f"the image registry {self.host} does not answer {method} {path}: {error}") from error
        if answer.is_success or answer.status_code in allowed:
            return answer
        raise UserError(f"the image registry {self.host} refuses {method} {path}: {_reason(answer)}")


def copy_image(source: Registry, target: Registry, repositories: tuple[str, str], digest: str, tag: str) -> None:
    """Copy an image and its layers from repositories[0] to repositories[1]; UserError if the bytes are not `digest`."""
    content, media_type = source.manifest(repositories[0], digest)
    if digest_of(content) != digest:
        raise UserError(f"{source.host}/{repositories[0]}: asked for {digest}, got {digest_of(content)}")
    document = json.loads(content)
    for blob in [document["config"], *document["layers"]]:
        target.copy_blob(source, *repositories, blob["digest"])
    target.put_manifest(repositories[1], tag, content, media_type)


def digest_of(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def _descriptor(media_type: str, content: bytes) -> dict[str, Any]:
    return {"mediaType": media_type, "digest": digest_of(content), "size": len(content)}


def _reason(answer: httpx.Response) -> str:
    try:
        errors = answer.json()["errors"]
    except (ValueError, KeyError):
        return f"{answer.status_code} {answer.text[:200]}"
    return f"{answer.status_code} " + "; ".join(f"{e.get('code')}: {e.get('message')}" for e in errors)

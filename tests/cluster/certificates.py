"""Keys and certificates for loopback, made by openssl; each certificate is its own authority."""

import base64
import subprocess
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Certificate:
    certificate: Path
    key: Path

    @property
    def bundle(self) -> str:
        """As `caBundle` and certificateAuthority want it: base64."""
        return base64.b64encode(self.certificate.read_bytes()).decode()


def certificate(folder: Path, name: str) -> Certificate:
    made = Certificate(folder / f"{name}.crt", folder / f"{name}.key")
    names = "subjectAltName=IP:127.0.0.1,DNS:localhost"
    _openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", f"/CN={name}", "-addext", names,
             "-out", str(made.certificate), "-keyout", str(made.key))  # fmt: skip
    return made


def signing_key(folder: Path) -> Path:
    """For the tokens of service accounts."""
    path = folder / "service-accounts.key"
    _openssl("genrsa", "-out", str(path), "2048")
    return path


def _openssl(*arguments: str) -> None:
    subprocess.run(["openssl", *arguments], check=True, capture_output=True)

"""The emulator's command line and the token of this start."""

import argparse
import os
import secrets
from dataclasses import dataclass, field
from pathlib import Path

ACCOUNT = "000000000000"
TOKEN_VARIABLE = "TASKLANE_EMULATOR_TOKEN"  # noqa: S105 - the variable's name


@dataclass(frozen=True)
class Options:
    """What one start of the emulator was asked for."""

    port: int
    state: Path
    images: Path | None
    audit: Path | None
    token: str = field(repr=False)

    @property
    def endpoint(self) -> str:
        """The address of every service: one port serves them all."""
        return f"http://127.0.0.1:{self.port}"


def parse(arguments: list[str] | None = None) -> Options:
    """Read the command line. Wrong arguments end the process with code 2 and one line, as argparse does."""
    parser = argparse.ArgumentParser(prog="python -m local.aws", description=__doc__)
    parser.add_argument("--port", type=int, required=True, help="loopback port of all services (1-65535)")
    parser.add_argument("--state", type=Path, required=True, help="folder for state, objects and task scratch space")
    parser.add_argument("--images", type=Path, help="JSON: ECR repository name to runtime; read at each RunTask")
    parser.add_argument("--audit", type=Path, help="JSON lines: each authorised or denied call is appended")
    given = parser.parse_args(arguments)
    if not 1 <= given.port <= 65535:
        parser.error(f"--port {given.port} is not a port (allowed 1-65535)")
    token = os.environ.get(TOKEN_VARIABLE) or secrets.token_urlsafe(24)
    state = given.state.resolve()
    return Options(given.port, state, _absolute(given.images), _absolute(given.audit), token)


def _absolute(path: Path | None) -> Path | None:
    return path.resolve() if path else None

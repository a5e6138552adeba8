"""Where a running local environment keeps what it knows: `.local/` in the repository, private to its user."""

import json
import os
import secrets
import socket
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Self

ROOT = Path(__file__).resolve().parent.parent
# Every process of a local environment carries this variable, so that what a crash leaves behind can be found again.
MARKER = "TASKLANE_LOCAL_STATE"


@dataclass
class State:
    """The facts other commands need: ports, the supervisor's pid, the emulator's token (file mode 0600)."""

    folder: Path
    emulator_port: int
    airflow_port: int
    postgres_port: int
    supervisor_pid: int = 0
    token: str = field(default_factory=lambda: secrets.token_urlsafe(32))
    ready: bool = False

    @property
    def endpoint_url(self) -> str:
        return f"http://127.0.0.1:{self.emulator_port}"

    @property
    def airflow_url(self) -> str:
        return f"http://127.0.0.1:{self.airflow_port}"

    @property
    def logs(self) -> Path:
        return self.folder / "logs"

    def save(self) -> None:
        """Replace state.json in one step, readable only by its owner."""
        self.folder.mkdir(parents=True, exist_ok=True)
        target = self.folder / "state.json"
        fresh = target.with_suffix(".new")
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            json.dump({**asdict(self), "folder": str(self.folder), "endpoint_url": self.endpoint_url}, file, indent=1)
        fresh.replace(target)

    @classmethod
    def load(cls, folder: Path) -> Self | None:
        """The state of the environment in `folder`; None when there is none."""
        try:
            content = json.loads((folder / "state.json").read_text())
        except FileNotFoundError:
            return None
        content.pop("endpoint_url")
        return cls(**{**content, "folder": Path(content["folder"])})

    def forget(self) -> None:
        (self.folder / "state.json").unlink(missing_ok=True)


def free_ports(count: int) -> list[int]:
    """Loopback ports that nobody uses now; all are held open until the last is known, so that they differ."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [s.getsockname()[1] for s in sockets]
    for s in sockets:
        s.close()
    return ports


def port_is_free(port: int) -> bool:
    """Whether a server could bind the loopback port now."""
    try:
        socket.create_server(("127.0.0.1", port)).close()
    except OSError:
        return False
    return True

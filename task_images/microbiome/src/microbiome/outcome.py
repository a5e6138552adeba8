"""How a command ended, and the result document for whoever started the container."""

import json
import os
from dataclasses import dataclass, field
from typing import Any

from microbiome import __version__, storage
from microbiome.memory import peak_memory_mib

DONE, BAD_INPUT = 0, 2


@dataclass(frozen=True)
class Outcome:
    """`exit_code` 0 done, 2 bad input (a human must look; no retry)."""

    command: str
    exit_code: int
    message: str
    counts: dict[str, Any] = field(default_factory=dict)
    outputs: dict[str, str] = field(default_factory=dict)


def publish(outcome: Outcome) -> None:
    """Write the result document where TASKLANE_RESULT_URI says, if it is set."""
    uri = os.environ.get("TASKLANE_RESULT_URI", "")
    if not uri:
        return
    document = {
        "schema_version": 1,
        "task": "microbiome",
        "version": __version__,
        "command": outcome.command,
        "status": "ok" if outcome.exit_code == DONE else "bad_input",
        "exit_code": outcome.exit_code,
        "message": outcome.message,
        "counts": outcome.counts,
        "outputs": outcome.outputs,
        "peak_memory_mib": peak_memory_mib(),
    }
    storage.write_bytes(uri, json.dumps(document, indent=1, ensure_ascii=False).encode())

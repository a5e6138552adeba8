"""Pulling a pushed image from the emulator's registry, as ECS does: with a password of the task's execution role.

Source: Amazon ECS Developer Guide, "Task execution IAM role" (ECS asks GetAuthorizationToken and pulls with it).
"""

import json
import re
import subprocess
import tempfile
from dataclasses import replace
from pathlib import Path
from threading import Lock
from urllib.parse import urlsplit

from local.aws.ecs.images import ImageEntry
from local.aws.ecs.runtime import StartError
from local.aws.registry.tokens import Tokens

_SECONDS = 300
_ADDRESS = re.compile(r"^[^/]+/")  # <account>.dkr.ecr.<region>.amazonaws.com/


class Puller:
    """Brings images into the engine's own store, where they stay, each once as long as the emulator lives."""

    def __init__(self, endpoint: str, tokens: Tokens) -> None:
        self._host, self._tokens = urlsplit(endpoint).netloc, tokens
        self._pulled: set[tuple[str, str]] = set()
        self._lock = Lock()

    def pull(self, entry: ImageEntry, reference: str, access_key: str) -> ImageEntry:
        """The entry with the name that the engine knows the image by. Raises StartError with the engine's reason."""
        engine = str(entry.settings.get("engine", entry.runtime))
        image = _ADDRESS.sub(f"{self._host}/", reference)
        with self._lock:  # tasks that start together wait for one pull
            if (engine, image) not in self._pulled:
                self._fetch(engine, image, reference, access_key)
                self._pulled.add((engine, image))
        return replace(entry, settings={**entry.settings, "image": image})

    def _fetch(self, engine: str, image: str, reference: str, access_key: str) -> None:
        token, _ends = self._tokens.token_of(access_key)
        with tempfile.TemporaryDirectory(prefix="tasklane-pull-") as folder:
            login = Path(folder) / "config.json"
            login.touch(mode=0o600)
            login.write_text(json.dumps({"auths": {self._host: {"auth": token}}}))
            argv = [engine, "pull", "--quiet", image]
            if engine == "docker":  # it takes a registry on 127.0.0.1 without TLS unasked
                argv[1:1] = ["--config", folder]
            else:
                argv[2:2] = ["--tls-verify=false", "--authfile", str(login)]
            try:
                done = subprocess.run(argv, capture_output=True, text=True, timeout=_SECONDS, check=False)
            except (OSError, subprocess.TimeoutExpired) as error:
                raise StartError(f"CannotPullContainerError: {reference}: {error}") from error
        if done.returncode:
            reason = (done.stderr.strip() or "no reason given").splitlines()[-1]
            raise StartError(f"CannotPullContainerError: {reference}: {reason[:300]}")

"""The environment variables ministack reads while it is imported: they must be set before the first import.

Source: ministack 1.5.33, README and app.py. IAM is enforced from the first request (AUTH); only loopback is bound;
nothing else listens (the IoT broker on 8883, SFTP); state lies in our folder.
"""

import logging
import os
from pathlib import Path

from local.aws.options import ACCOUNT, Options

ROOT_KEY = "test"
ROOT_SECRET = "test"  # noqa: S105 - documented root credentials of the emulator


def prepare(options: Options) -> None:
    """Set ministack's variables and make the state folder (private to the user)."""
    options.state.mkdir(parents=True, exist_ok=True, mode=0o700)
    options.state.chmod(0o700)
    (options.state / "journal.jsonl").touch(mode=0o600)  # fails here, early, when nothing can be written
    inherited = [name for name in os.environ if name.startswith(("AWS_", "DOCKER_", "LOCALSTACK_", "MINISTACK_"))]
    for name in inherited:  # a developer's own settings must not reach the emulator or its tasks
        del os.environ[name]
    os.environ.update(_variables(options.port, options.state))
    # It warns at each start that asymmetric keys need a package more: nothing here uses them.
    logging.getLogger("kms").setLevel(logging.ERROR)


def _variables(port: int, state: Path) -> dict[str, str]:
    return {
        "AUTH": "true",
        "BIND_HOST": "127.0.0.1",
        "GATEWAY_PORT": str(port),
        "MINISTACK_HOST": "127.0.0.1",
        "MINISTACK_ACCOUNT_ID": ACCOUNT,
        "AWS_ACCESS_KEY_ID": ROOT_KEY,
        "AWS_SECRET_ACCESS_KEY": ROOT_SECRET,
        "PERSIST_STATE": "1",
        "STATE_DIR": str(state / "services"),
        "S3_PERSIST": "1",
        "S3_DATA_DIR": str(state / "s3"),
        "IOT_MTLS_ENABLED": "0",
        "SFTP_ENABLED": "0",
        # Tasks run in our own runtimes: ministack itself must find no container engine.
        "DOCKER_HOST": f"unix://{state}/no-container-engine.sock",
        "LOG_LEVEL": os.environ.get("LOG_LEVEL", "WARNING"),
    }

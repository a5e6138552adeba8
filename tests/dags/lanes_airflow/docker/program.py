"""What the test image runs: does as it is told, with nothing but what a task's container has."""

import json
import os
import signal
import sys
import time
import urllib.request
from pathlib import Path


def status(*names: str) -> dict[str, str]:
    lines = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines() if ":" in line)
    return {name: lines[name].strip() for name in names}


def report(**extra: object) -> None:
    """The result document, written with the task's role by the AWS SDK."""
    import boto3

    bucket, _, key = os.environ["TASKLANE_RESULT_URI"].removeprefix("s3://").partition("/")
    who = boto3.client("sts").get_caller_identity()["Arn"]
    facts = {"caller": who, "launch": os.environ["TASKLANE_LAUNCH"], "peak_memory_mib": 12.5, **extra}
    boto3.client("s3").put_object(Bucket=bucket, Key=key, Body=json.dumps(facts).encode())


def confined() -> None:
    try:
        Path("/written").write_text("x")
        root = "writable"
    except OSError as error:
        root = str(error.errno)
    Path(os.environ["TMPDIR"], "x").write_text("x")
    keys = [name for name in os.environ if "SECRET" in name or "ACCESS_KEY" in name or "AIRFLOW" in name]
    first = Path("/proc/1/cmdline").read_text().split("\0")[0]
    print("confined", json.dumps({**status("Uid", "CapEff", "CapBnd", "NoNewPrivs"), "root": root, "keys": keys}))
    print("init", "python" not in first)
    report()


def wait_for_signal() -> None:
    """The test says when it is done: SIGUSR1."""
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1})
    print("waiting", flush=True)
    signal.sigwait({signal.SIGUSR1})


def fresh_credentials() -> None:
    """Ask the address itself, as an SDK does at the end of a session."""
    asked = urllib.request.Request(  # noqa: S310 (loopback)
        os.environ["AWS_CONTAINER_CREDENTIALS_FULL_URI"],
        headers={"Authorization": os.environ["AWS_CONTAINER_AUTHORIZATION_TOKEN"]},
    )
    with urllib.request.urlopen(asked, timeout=10) as answer:  # noqa: S310
        print("credentials until", json.load(answer)["Expiration"])


def main(what: str, *rest: str) -> int:
    if what == "confined":
        confined()
    elif what == "raise":
        print("about to fail", file=sys.stderr)
        raise KeyError("dose")
    elif what == "exit":
        print("no such column", file=sys.stderr)
        return int(rest[0])
    elif what == "grow":
        bytearray(int(rest[0]) * 1024**2)
        report(grown=True)
    elif what == "wait":
        wait_for_signal()
        report()
    elif what == "wait-and-ask":
        wait_for_signal()
        fresh_credentials()
        report()
    elif what == "stubborn":
        signal.signal(signal.SIGTERM, lambda *_: print("asked to stop", flush=True))
        print("waiting", flush=True)
        for _ in range(6000):
            time.sleep(0.1)
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))

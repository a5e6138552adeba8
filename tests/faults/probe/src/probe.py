"""A container that does as it is told: `probe.py MODE SECONDS`.

Modes: ok, silent (exit 0 without a result document), bad (exit 2), error (exit 1), memory (more than its size), array
(what raw/modes.json says of the batch that this child of an array job has).
`probe.py asked BATCH`: what it says of this batch; {"seconds": 0.05, "3": "error"}, else ok.
"""

import json
import os
import resource
import signal
import sys
import time

LINES = 5


def main(mode: str, seconds: float) -> int:
    signal.signal(signal.SIGTERM, _terminated)
    if mode == "array":
        mode, seconds = _of_my_batch(seconds)
    for number in range(LINES):
        print(f"probe {mode} line {number}", flush=True)
    time.sleep(seconds)
    if mode == "memory":
        hoard = [bytearray(os.urandom(1024 * 1024)) for _ in range(4096)]
        return len(hoard) and 1
    if mode == "ok":
        _write_result()
    return {"ok": 0, "silent": 0, "bad": 2, "error": 1}[mode]


def _of_my_batch(seconds: float) -> tuple[str, float]:
    import boto3

    def read(uri: str) -> dict:
        bucket, _, key = uri.removeprefix("s3://").partition("/")
        return json.loads(boto3.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read())

    uri = os.environ["TASKLANE_BATCHES_URI"]
    batch = read(uri)["batches"][int(os.environ.get("AWS_BATCH_JOB_ARRAY_INDEX", "0"))]
    modes = read(uri.rpartition("/fanout/")[0] + "/raw/modes.json")
    return modes.get(str(batch), "ok"), modes.get("seconds", seconds)


def _write_result() -> None:
    uri = os.environ.get("TASKLANE_RESULT_URI")
    if uri is None:
        return
    import boto3  # only who writes a result pays for it

    bucket, _, key = uri.removeprefix("s3://").partition("/")
    peak = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1)
    told = {"launch": os.environ["TASKLANE_LAUNCH"], "try": os.environ["TASKLANE_TRY"], "peak_memory_mib": peak}
    body = json.dumps(told)
    boto3.client("s3").put_object(Bucket=bucket, Key=key, Body=body.encode())


def _terminated(*_: object) -> None:
    print("SIGTERM received", flush=True)
    sys.exit(143)


def _asked(batch: str) -> tuple[str, float]:
    import boto3

    bucket = os.environ["TASKLANE_RESULT_URI"].removeprefix("s3://").partition("/")[0]
    modes = json.loads(boto3.client("s3").get_object(Bucket=bucket, Key="raw/modes.json")["Body"].read())
    return modes.get(batch, "ok"), modes.get("seconds", 0.05)


if __name__ == "__main__":
    word, number = sys.argv[1:]
    sys.exit(main(*_asked(number)) if word == "asked" else main(word, float(number)))

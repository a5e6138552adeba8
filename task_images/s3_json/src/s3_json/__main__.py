"""`python -m s3_json --document JSON --folder s3://bucket/prefix/`. Exit codes: 0 done, 2 bad input, else retry."""

import argparse
import hashlib
import json
import math
import os
import resource
import sys
from typing import Any

import boto3
from botocore.exceptions import ClientError

LARGEST_CHARACTERS = 4096  # the command is part of RunTask's overrides, which hold 8,192 in all


class BadInput(ValueError):
    """A person must look; a retry does not help."""


def put(uri: str, content: bytes, **condition: str) -> None:
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    boto3.client("s3").put_object(Bucket=bucket, Key=key, Body=content, ContentType="application/json", **condition)


def canonical(document: str) -> bytes:
    """The same bytes for the same content, whatever its order and spaces. Raises BadInput unless it is an object."""
    if len(document) > LARGEST_CHARACTERS:
        raise BadInput(f"--document has {len(document)} characters, at most {LARGEST_CHARACTERS}; pass a URI instead")
    try:
        value = json.loads(document, parse_constant=_refuse, parse_float=_finite)
    except (ValueError, RecursionError) as error:
        raise BadInput(f"--document is not JSON: {error}") from error
    if not isinstance(value, dict):
        raise BadInput(f"--document holds a JSON {type(value).__name__}; give an object, such as {{}}")
    text = json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise BadInput(f"--document holds half of a character, which no UTF-8 text can: {error}") from error


def _refuse(word: str) -> Any:
    raise ValueError(f"{word} is not part of JSON")


def _finite(digits: str) -> float:
    """Beyond what a double holds, Python would read infinity and write it as a word that is not JSON."""
    if math.isinf(number := float(digits)):
        raise ValueError(f"{digits} is larger than a double-precision number can be")
    return number


def write_once(folder: str, content: bytes) -> tuple[str, bool]:
    """The document's URI under its own hash, and whether this call wrote it."""
    if not folder.startswith("s3://") or not folder.endswith("/"):
        raise BadInput(f"--folder {folder!r} must be s3://<bucket>/<prefix>/")
    uri = f"{folder}{hashlib.sha256(content).hexdigest()}.json"
    try:
        put(uri, content, IfNoneMatch="*")
    except ClientError as error:
        if error.response["Error"]["Code"] != "PreconditionFailed":
            raise  # ConditionalRequestConflict too: another writer is at it, and may yet fail
        return uri, False
    return uri, True


def run(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="s3_json", description=__doc__)
    parser.add_argument("--document", required=True, help="a JSON object")
    parser.add_argument("--folder", required=True, help="s3://<bucket>/<prefix>/ that the object goes to")
    options = parser.parse_args(arguments)
    try:
        uri, written = write_once(options.folder, canonical(options.document))
    except BadInput as problem:
        print(f"error: {problem}", flush=True)
        return 2
    print(f"{'wrote' if written else 'was there already:'} {uri}", flush=True)
    if result := os.environ.get("TASKLANE_RESULT_URI"):
        document = {"schema_version": 1, "task": "s3_json", "outputs": {"document": uri}}
        put(result, json.dumps(document | {"peak_memory_mib": peak_memory_mib()}).encode())
    return 0


def peak_memory_mib() -> float:
    """MiB that this process used at most so far: what the task's size should be judged by."""
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1)  # KiB (getrusage(2), Linux)


def main() -> None:
    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()

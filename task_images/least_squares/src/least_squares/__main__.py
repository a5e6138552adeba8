"""`python -m least_squares --table URI --outcome COLUMN --predictors COLUMN,… --output URI`."""

import argparse
import io
import json
import os
import sys
from pathlib import Path
from typing import Any

import pandas as pd

from least_squares.model import BadInput, fit


def main(words: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="least_squares", description=__doc__)
    parser.add_argument("--table", required=True, help="CSV file with a header: s3://… or a path")
    parser.add_argument("--outcome", required=True)
    parser.add_argument("--predictors", required=True, help="columns, separated by commas")
    parser.add_argument("--output", required=True, help="where the coefficients go, as JSON: s3://… or a path")
    asked = parser.parse_args(words)
    try:
        fitted = fit(read_table(asked.table), asked.outcome, asked.predictors.split(","))
    except BadInput as error:
        print(f"bad input: {asked.table}: {error}", file=sys.stderr)
        return 2
    print(f"{fitted['rows']} rows, R squared {fitted['r_squared']:.4f}")
    write(asked.output, fitted)
    if result := os.environ.get("TASKLANE_RESULT_URI"):
        write(result, {"output": asked.output, "rows": fitted["rows"], "r_squared": fitted["r_squared"]})
    return 0


def read_table(uri: str) -> pd.DataFrame:
    try:
        return pd.read_csv(io.BytesIO(_read(uri)))
    except (FileNotFoundError, pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError) as error:
        raise BadInput(f"not a readable CSV file ({error})") from error


def write(uri: str, document: dict[str, Any]) -> None:
    content = json.dumps(document, indent=1, sort_keys=True, allow_nan=False).encode()
    if uri.startswith("s3://"):
        bucket, _, key = uri.removeprefix("s3://").partition("/")
        _s3().put_object(Bucket=bucket, Key=key, Body=content)
    else:
        Path(uri).write_bytes(content)


def _read(uri: str) -> bytes:
    if not uri.startswith("s3://"):
        return Path(uri).read_bytes()
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    client = _s3()
    # Listed first: where the right to list ends at a prefix, S3 would say 403 for an object that is not there.
    listed = client.list_objects_v2(Bucket=bucket, Prefix=key, MaxKeys=1).get("Contents", [])
    if [stored["Key"] for stored in listed] != [key]:
        raise FileNotFoundError(f"{uri} does not exist")
    return bytes(client.get_object(Bucket=bucket, Key=key)["Body"].read())


def _s3() -> Any:
    import boto3

    return boto3.client("s3")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

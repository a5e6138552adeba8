"""One object per content; bad input is named."""

import json
from typing import Any

import boto3
import pytest
from moto import mock_aws
from s3_json.__main__ import run

FOLDER = "s3://data/results/s3_json/"


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Any:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("TASKLANE_RESULT_URI", "s3://data/runs/s3_json/result.json")
    with mock_aws():
        client = boto3.client("s3")
        client.create_bucket(Bucket="data")
        yield client


def content(s3: Any, uri: str) -> Any:
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    return json.loads(s3.get_object(Bucket=bucket, Key=key)["Body"].read())


def objects(s3: Any) -> list[str]:
    return [o["Key"] for o in s3.list_objects_v2(Bucket="data").get("Contents", [])]


def test_the_same_content_is_one_object_however_it_is_written(s3: Any, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--document", '{"b": 1, "a": "ä"}', "--folder", FOLDER]) == 0
    uri = content(s3, "s3://data/runs/s3_json/result.json")["outputs"]["document"]
    assert content(s3, uri) == {"a": "ä", "b": 1}
    assert run(["--document", '{"a":"\\u00e4","b":1}', "--folder", FOLDER]) == 0
    assert "was there already" in capsys.readouterr().out
    assert len(objects(s3)) == 2


def test_the_result_tells_the_peak_memory(s3: Any) -> None:
    hoard = b"x" * (200 * 2**20)
    assert run(["--document", "{}", "--folder", FOLDER]) == 0
    assert content(s3, "s3://data/runs/s3_json/result.json")["peak_memory_mib"] > len(hoard) / 2**20


@pytest.mark.parametrize(
    ("document", "folder", "told"),
    [
        ("{", FOLDER, "is not JSON"),
        ("[1]", FOLDER, "holds a JSON list"),
        ('{"a": NaN}', FOLDER, "NaN is not part of JSON"),
        ('{"a": 1e999}', FOLDER, "1e999 is larger than"),
        ('{"a": "\\ud800"}', FOLDER, "half of a character"),
        ('{"a": ' + "[" * 2000 + "]" * 2000 + "}", FOLDER, "is not JSON: maximum recursion depth"),
        (json.dumps({"a": "x" * 5000}), FOLDER, "at most 4096"),
        ("{}", "s3://data/results", "must be s3://"),
    ],
)
def test_bad_input_is_named_and_nothing_is_written(
    s3: Any, capsys: pytest.CaptureFixture[str], document: str, folder: str, told: str
) -> None:
    assert run(["--document", document, "--folder", folder]) == 2
    assert told in capsys.readouterr().out
    assert objects(s3) == []

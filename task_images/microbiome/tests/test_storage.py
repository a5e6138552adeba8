"""Storage on S3 (moto) and on disk: the same meaning, whole objects, written once."""

import json
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest
from helpers import Command, summary_of, write_manifest
from moto import mock_aws

from microbiome import storage
from microbiome.names import FoundSample, find_samples


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    storage._client.cache_clear()
    with mock_aws():
        client = boto3.client("s3")
        client.create_bucket(Bucket="data", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
        yield "s3://data/deep"
    storage._client.cache_clear()


@pytest.fixture(params=["local", "s3"])
def root(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return str(tmp_path / "deep") if request.param == "local" else str(request.getfixturevalue("bucket"))


def test_write_read_and_write_once(root: str, tmp_path: Path) -> None:
    uri = f"{root}/a b/ü.json"
    assert not storage.exists(uri)
    with pytest.raises(storage.Missing, match="does not exist"):
        storage.read_bytes(uri)
    with pytest.raises(storage.Missing):
        storage.fetch(uri, tmp_path)
    assert storage.write_once(uri, b"first")
    assert not storage.write_once(uri, b"second")
    assert (storage.exists(uri), storage.read_bytes(uri)) == (True, b"first")
    storage.write_bytes(uri, b"third")
    assert storage.fetch(uri, tmp_path).read_bytes() == b"third"
    (tmp_path / "file").write_bytes(b"fourth")
    storage.upload(tmp_path / "file", uri)
    assert storage.read_bytes(uri) == b"fourth"
    assert not list(tmp_path.rglob(".part-*"))


def test_missing_bucket_and_faulty_uri(bucket: str) -> None:
    with pytest.raises(storage.Missing):
        storage.read_bytes("s3://no-such-bucket/key")
    with pytest.raises(storage.BadInput, match="use s3://<bucket>/<key>"):
        storage.read_bytes("s3://only-a-bucket")


def test_a_refusal_is_bad_input_only_where_a_list_shows_that_nothing_is_there(
    bucket: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A role that may not list the whole bucket gets 403 for a missing key, and for a right that it lacks."""
    from botocore.exceptions import ClientError

    def refuse(**_: object) -> None:
        raise ClientError({"Error": {"Code": "AccessDenied"}}, "GetObject")

    boto3.client("s3").put_object(Bucket="data", Key="key-and-more", Body=b"")
    monkeypatch.setattr(storage._client(), "get_object", refuse)
    monkeypatch.setattr(storage._client(), "head_object", refuse)
    for read in (storage.read_bytes, lambda uri: storage.fetch(uri, tmp_path)):
        with pytest.raises(storage.Missing):
            read("s3://data/key")
    boto3.client("s3").put_object(Bucket="data", Key="key", Body=b"")
    for read in (storage.read_bytes, lambda uri: storage.fetch(uri, tmp_path)):
        with pytest.raises(ClientError):
            read("s3://data/key")
    monkeypatch.setattr(storage._client(), "list_objects_v2", refuse)
    with pytest.raises(ClientError):
        storage.read_bytes("s3://data/none")


def test_the_pipeline_on_s3(study: Path, tmp_path: Path, bucket: str, command: Command) -> None:
    client = boto3.client("s3")
    samples = []
    for sample in find_samples(study / "reads")[-2:] + find_samples(study / "reads")[:1]:
        for path in sample.files:
            client.upload_file(str(path), "data", f"raw/{path.name}")
        samples.append(FoundSample(sample.name, tuple(f"s3://data/raw/{path.name}" for path in sample.files)))  # type: ignore[arg-type]
    client.upload_file(str(study / "reference.fasta.gz"), "data", "reference/r.fasta.gz")
    local = write_manifest(
        tmp_path / "m.json", samples, 1, {"reference": "s3://data/reference/r.fasta.gz"}, "s3://data/samples"
    )
    client.upload_file(str(local), "data", "fanout/m.json")
    code, output = command("analyze-batch", "--manifest", "s3://data/fanout/m.json", "--batch", 0)
    assert (code, "1 quarantined" in output) == (0, True)
    code, output = command("gather", "--manifest", "s3://data/fanout/m.json", "--output", "s3://data/results/x")
    assert code == 0, output
    found = json.loads(client.get_object(Bucket="data", Key="results/x/summary.json")["Body"].read())
    assert (found["samples_ok"], found["samples_quarantined"]) == (2, 1)
    keys = [entry["Key"] for entry in client.list_objects_v2(Bucket="data", Prefix="samples/models/")["Contents"]]
    assert len(keys) == 1
    paths = [path for path in (study / "reads").iterdir() if path.name.split("_")[0] in [s.name for s in samples]]
    for path in paths:
        (tmp_path / "reads").mkdir(exist_ok=True)
        (tmp_path / "reads" / path.name).symlink_to(path)
    command(
        "run", "--reads", tmp_path / "reads", "--reference", study / "reference.fasta.gz", "--out", tmp_path / "run"
    )
    assert summary_of(tmp_path / "run")["reads_kept"] == found["reads_kept"]
    table = client.get_object(Bucket="data", Key="results/x/feature-table.tsv")["Body"].read()
    assert table == (tmp_path / "run/feature-table.tsv").read_bytes()

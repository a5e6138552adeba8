"""The similarity by hand, planted clusters, popularity beaten; the same bytes whatever the order."""

import gzip
import json
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import boto3
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from moto import mock_aws
from related_articles.__main__ import main
from related_articles.events import read_events
from related_articles.generate import cluster_of, generate_events
from related_articles.similarity import related

from related_articles import bucket

EVENTS, OUTPUT = "s3://data/raw/article_events/", "s3://data/results/related_articles/v1"


def table(path: Path, rows: list[tuple[str, str]]) -> Path:
    columns = [pa.array(list(column)) for column in zip(*rows, strict=True)]
    pq.write_table(pa.table(columns, names=["reader", "article"]), path)
    return path


def found(paths: list[Path], top: int = 10, threads: int = 1) -> dict[str, list[tuple[str, float]]]:
    return dict(related(read_events(paths), top, threads))


def test_the_cosine_by_hand(tmp_path: Path) -> None:
    rows = [
        ("x", "a"),
        ("x", "b"),
        ("y", "a"),
        ("y", "b"),
        ("z", "a"),
        ("z", "c"),
        ("w", "c"),
        ("x", "a"),
        ("w", "once"),
    ]
    near = found([table(tmp_path / "e.parquet", rows)])
    # a: {x, y, z}, b: {x, y}, c: {z, w}; reading twice counts once; an article with one reader is no evidence.
    assert near["a"] == [("b", pytest.approx(2 / (3 * 2) ** 0.5, abs=1e-5)), ("c", pytest.approx(1 / 6**0.5, abs=1e-5))]
    assert [name for name, _ in near["b"]] == ["a"]
    assert near["once"] == []


def test_planted_clusters_are_found(tmp_path: Path) -> None:
    path = generate_events(tmp_path / "e.parquet", readers=2000, articles=400, events=40_000, seed=3)
    near = found([path])
    same = [cluster_of(article) == cluster_of(other) for article, others in near.items() for other, _ in others]
    assert len(near) == 400
    assert np.mean(same) > 0.9


def test_it_beats_popularity(tmp_path: Path) -> None:
    """Of each reader, one reading is held back: is it among the ten that follow from the others?"""
    path = generate_events(tmp_path / "all.parquet", readers=1500, articles=400, events=30_000, seed=5)
    history = defaultdict(list)
    for row in pq.read_table(path).to_pylist():
        if row["article"] not in history[row["reader"]]:
            history[row["reader"]].append(row["article"])
    held = {reader: articles[-1] for reader, articles in history.items() if len(articles) > 3}
    known = {reader: articles[: -1 if reader in held else None] for reader, articles in history.items()}
    train = table(tmp_path / "train.parquet", [(reader, article) for reader, of in known.items() for article in of])
    near, popular = found([train]), [a for a, _ in Counter(a for of in known.values() for a in of).most_common(60)]

    def hit(reader: str, ranked: list[str]) -> bool:
        return held[reader] in [article for article in ranked if article not in known[reader]][:10]

    def ours(reader: str) -> list[str]:
        scores: Counter[str] = Counter()
        for article in known[reader]:
            scores.update(dict(near[article]))
        return [article for article, _ in scores.most_common()]

    rates = [np.mean([hit(reader, ranked) for reader, ranked in found_by]) for found_by in (
        [(reader, ours(reader)) for reader in held], [(reader, popular) for reader in held])]  # fmt: skip
    assert rates[0] > 2 * rates[1]


def test_files_order_and_threads_do_not_matter(tmp_path: Path) -> None:
    path = generate_events(tmp_path / "e.parquet", readers=300, articles=100, events=5000, seed=2)
    rows = pq.read_table(path)
    pq.write_table(rows.slice(2500), tmp_path / "second.parquet")
    pq.write_table(rows.slice(0, 2500), tmp_path / "first.parquet")
    shuffled = rows.take(np.random.default_rng(1).permutation(len(rows)))
    pq.write_table(shuffled, tmp_path / "shuffled.parquet")
    wanted = found([path])
    assert found([tmp_path / "second.parquet", tmp_path / "first.parquet"], threads=2) == wanted
    assert found([tmp_path / "shuffled.parquet"]) == wanted


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Any:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("TASKLANE_RESULT_URI", "s3://data/runs/related_articles/r.json")
    with mock_aws():
        client = boto3.client("s3")
        client.create_bucket(Bucket="data")
        yield client


def body(s3: Any, uri: str) -> bytes:
    return bytes(s3.get_object(Bucket="data", Key=uri.removeprefix("s3://data/"))["Body"].read())


def test_the_set_is_written_under_its_name(s3: Any, tmp_path: Path) -> None:
    path = generate_events(tmp_path / "e.parquet", readers=300, articles=100, events=5000, seed=2)
    s3.upload_file(str(path), "data", "raw/article_events/day.parquet")
    arguments = ["similar", "--events", EVENTS, "--output", OUTPUT, "--top", "3"]
    hoard = b"x" * (200 * 2**20)  # what a process holds shows in the peak
    assert main(arguments) == 0
    document = json.loads(body(s3, "s3://data/runs/related_articles/r.json"))
    assert document["peak_memory_mib"] > len(hoard) / 2**20
    outputs = document["outputs"]
    first = body(s3, outputs["set"])
    records = [json.loads(line) for line in gzip.decompress(first).splitlines()]
    assert len(records) == json.loads(body(s3, outputs["summary"]))["articles"] == 100
    assert all(len(record["related"]) <= 3 for record in records)
    assert main(arguments) == 0
    assert body(s3, outputs["set"]) == first


def test_bad_input_is_named(s3: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def told() -> str:
        assert main(["similar", "--events", EVENTS, "--output", OUTPUT]) == 2
        return capsys.readouterr().out

    def put(columns: dict[str, list[Any]]) -> None:
        pq.write_table(pa.table(columns), tmp_path / "x.parquet")
        s3.upload_file(str(tmp_path / "x.parquet"), "data", "raw/article_events/x.parquet")

    assert "no *.parquet under" in told()
    s3.put_object(Bucket="data", Key="raw/article_events/x.parquet", Body=b"PAR1")
    assert "is no readable Parquet file" in told()
    put({"reader": ["a"], "item": ["b"]})
    assert "has no column article (it has reader, item)" in told()
    put({"reader": ["a", None], "article": ["b", "c"]})
    assert "column reader has 1 empty values" in told()
    put({"reader": [1.0, float("nan"), float("nan")], "article": ["b", "c", "d"]})
    assert "x.parquet: column reader has 2 empty values" in told()
    put({"reader": ["a", "b"], "article": ["b", ""]})
    assert "column article has 1 empty values" in told()
    put({"reader": [["a"], ["b"]], "article": ["b", "c"]})
    assert "column reader holds no names (list" in told()
    pq.write_table(pa.table([["a"], ["b"], ["c"]], names=["reader", "article", "article"]), tmp_path / "x.parquet")
    s3.upload_file(str(tmp_path / "x.parquet"), "data", "raw/article_events/x.parquet")
    assert "x.parquet has column article more than once" in told()
    put({"reader": pa.array([], pa.string()), "article": pa.array([], pa.string())})
    assert "hold no event" in told()
    put({"reader": ["a", "b"], "article": ["c", "d"]})
    assert "none of 2 articles has a related one" in told()
    torn = table(tmp_path / "x.parquet", [(f"r{n}", f"a{n % 9}") for n in range(5000)])
    damaged = bytearray(torn.read_bytes())
    damaged[200:260] = b"\0" * 60  # within the data: the file opens, its pages do not
    s3.put_object(Bucket="data", Key="raw/article_events/x.parquet", Body=bytes(damaged))
    assert "x.parquet is no readable Parquet file" in told()
    assert s3.list_objects_v2(Bucket="data", Prefix="results/")["KeyCount"] == 0


def test_made_otherwise_it_is_another_set_and_one_that_is_done_stays(s3: Any, tmp_path: Path) -> None:
    """The application switches when the name differs: with the events' state alone, another `top` never went live."""
    path = generate_events(tmp_path / "e.parquet", readers=300, articles=100, events=5000, seed=2)
    s3.upload_file(str(path), "data", "raw/article_events/day.parquet")

    def made(*more: str) -> str:
        output = [] if "--output" in more else ["--output", OUTPUT]
        assert main(["similar", "--events", EVENTS, *output, *more]) == 0
        outputs = json.loads(body(s3, "s3://data/runs/related_articles/r.json"))["outputs"]
        return str(json.loads(body(s3, outputs["summary"]))["state"])

    def written() -> dict[str, Any]:
        listed = s3.list_objects_v2(Bucket="data", Prefix="results/")["Contents"]
        return {stored["Key"]: (stored["ETag"], stored["LastModified"]) for stored in listed}

    first, before = made(), written()
    assert len({first, made("--top", "3"), made("--output", OUTPUT.replace("v1", "v2"))}) == 3
    assert made() == first
    assert {key: written()[key] for key in before} == before
    # What a crash leaves is a set without its summary: it is made again, whole.
    [summary] = [key for key in before if key.endswith(".json")]
    s3.delete_object(Bucket="data", Key=summary)
    [part] = [key for key in before if key.endswith(".gz")]
    s3.put_object(Bucket="data", Key=part, Body=b"half")
    assert made() == first
    assert {key: written()[key][0] for key in before} == {key: etag for key, (etag, _) in before.items()}


def test_events_that_move_are_tried_again(s3: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    s3.put_object(Bucket="data", Key="raw/article_events/x.parquet", Body=b"first")
    listed = bucket.parquet_files(EVENTS)
    s3.put_object(Bucket="data", Key="raw/article_events/x.parquet", Body=b"delivered anew")
    monkeypatch.setattr(bucket, "parquet_files", lambda prefix: listed)
    assert main(["similar", "--events", EVENTS, "--output", OUTPUT]) == 1

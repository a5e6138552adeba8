"""A date prepared and published: the same bytes whatever the order; written once; half-written is not written."""

import gzip
import io
import json
from pathlib import Path
from typing import Any

import boto3
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from moto import mock_aws
from recommendation.__main__ import main
from recommendation.generate import generate_interactions, group_of
from recommendation.interactions import names_of, prepared
from recommendation.published import recommendations

SOURCE, OUTPUT = "s3://data/raw/interactions", "s3://data/results/recommendation/v1"
DATE, RESULT = "2026-01-01", "s3://data/runs/recommendation/r.json"
SIZES = {"users": 60, "items": 80, "events": 1500, "seed": 2}
FIGURES = {"hit_rate": np.array(0.5), "popularity_hit_rate": np.array(0.25), "judged_users": np.array(60)}


def table(path: Path, rows: list[tuple[object, object]]) -> Path:
    users, items = zip(*rows, strict=True)
    pq.write_table(pa.table({"user": list(users), "item": list(items)}), path)
    return path


def scores(**arrays: Any) -> bytes:
    file = io.BytesIO()
    np.savez_compressed(file, **{**FIGURES, **arrays})
    return file.getvalue()


def test_pairs_are_counted_by_hand(tmp_path: Path) -> None:
    rows = [("x", "b"), ("x", "a"), ("y", "b"), ("x", "b")]
    file, counts = prepared([table(tmp_path / "1.parquet", rows)])
    assert counts == {"interactions": 4, "pairs": 3, "users": 2, "items": 2}
    with np.load(io.BytesIO(file)) as arrays:
        found = [arrays[name].tolist() for name in ("user", "item", "count")]
        assert {arrays[name].dtype.name for name in ("user", "item", "count")} == {"int32"}
    assert found == [[0, 0, 1], [0, 1, 1], [1, 2, 1]]
    assert names_of(file) == (["x", "y"], ["a", "b"])


def test_files_and_order_do_not_matter(tmp_path: Path) -> None:
    path = generate_interactions(tmp_path, DATE, **SIZES)
    rows = pq.read_table(path)
    pq.write_table(rows.slice(700), tmp_path / "a.parquet")
    pq.write_table(rows.slice(0, 700), tmp_path / "b.parquet")
    pq.write_table(rows.take(np.random.default_rng(1).permutation(len(rows))), tmp_path / "c.parquet")
    wanted = prepared([path])
    assert prepared([tmp_path / "a.parquet", tmp_path / "b.parquet"]) == wanted
    assert prepared([tmp_path / "c.parquet"]) == wanted


def test_numbers_are_names_too(tmp_path: Path) -> None:
    file, _ = prepared([table(tmp_path / "1.parquet", [(10, 7), (9, 7)])])
    assert names_of(file) == (["10", "9"], ["7"])


def test_what_is_generated_keeps_to_groups_and_days_differ(tmp_path: Path) -> None:
    path = generate_interactions(tmp_path, DATE, users=50, items=400, events=5000, seed=4)
    rows, tastes = pq.read_table(path).to_pylist(), json.loads((tmp_path / "tastes.json").read_text())
    own = [group_of(row["item"]) in tastes[row["user"]] for row in rows]
    assert np.mean(own) > 0.7
    again = generate_interactions(tmp_path / "again", DATE, users=50, items=400, events=5000, seed=4)
    other = generate_interactions(tmp_path, "2026-01-02", users=50, items=400, events=5000, seed=4)
    assert path.read_bytes() == again.read_bytes() != other.read_bytes()


def test_recommendations_by_name(tmp_path: Path) -> None:
    file, _ = prepared([table(tmp_path / "1.parquet", [("x", "a"), ("y", "ü"), ("y", "c")])])
    found = scores(item=np.array([[2, 1], [0, -1]], np.int32), score=np.array([[0.9, 0.123456], [0.5, 0]], np.float32))
    body, figures = recommendations(file, found)
    lines = [json.loads(line) for line in gzip.decompress(body).splitlines()]
    assert lines == [{"user": "x", "items": [["ü", 0.9], ["c", 0.12346]]}, {"user": "y", "items": [["a", 0.5]]}]
    assert figures == {"users": 2, "items": 3, "hit_rate": 0.5, "popularity_hit_rate": 0.25, "judged_users": 60}
    assert recommendations(file, found)[0] == body


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Any:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("TASKLANE_RESULT_URI", RESULT)
    with mock_aws():
        client = boto3.client("s3")
        client.create_bucket(Bucket="data")
        yield client


def everything(s3: Any, prefix: str = "results/") -> dict[str, bytes]:
    found = s3.list_objects_v2(Bucket="data", Prefix=prefix).get("Contents", [])
    return {o["Key"]: s3.get_object(Bucket="data", Key=o["Key"])["Body"].read() for o in found}


def deliver(s3: Any, folder: Path, seed: int = 2) -> None:
    path = generate_interactions(folder, DATE, **{**SIZES, "seed": seed})
    s3.upload_file(str(path), "data", f"raw/interactions/date={DATE}/interactions.parquet")


def preprocess(date: str = DATE) -> int:
    return main(["preprocess", f"--date={date}", "--source", SOURCE, "--output", OUTPUT])


def result(s3: Any) -> dict[str, Any]:
    return dict(json.loads(everything(s3, "runs/")[RESULT.removeprefix("s3://data/")]))


def model(s3: Any, folder: str) -> None:
    """What recommendation_inference leaves: here, the same item for everybody."""
    users = len(names_of(everything(s3)[f"{folder.removeprefix('s3://data/')}/interactions.npz"])[0])
    body = scores(item=np.zeros((users, 3), np.int32), score=np.ones((users, 3), np.float32))
    s3.put_object(Bucket="data", Key=f"{folder.removeprefix('s3://data/')}/scores.npz", Body=body)


def publish(s3: Any) -> tuple[dict[str, Any], str]:
    """(<date>.json, the URI of the result document of preprocess)."""
    assert preprocess() == 0
    document = result(s3)
    s3.put_object(Bucket="data", Key="runs/recommendation/first.json", Body=json.dumps(document).encode())
    model(s3, document["outputs"]["folder"])
    assert main(["postprocess", "--prepared", "s3://data/runs/recommendation/first.json"]) == 0
    return json.loads(
        everything(s3)[f"results/recommendation/v1/{DATE}.json"]
    ), "s3://data/runs/recommendation/first.json"


def test_a_date_is_published_once_and_a_rerun_changes_nothing(s3: Any, tmp_path: Path) -> None:
    deliver(s3, tmp_path)
    hoard = b"x" * (200 * 2**20)  # what a process holds shows in the peak
    summary, uri = publish(s3)
    assert result(s3)["peak_memory_mib"] > len(hoard) / 2**20
    assert (summary["date"], summary["users"], summary["hit_rate"]) == (DATE, 60, 0.5)
    before = everything(s3)
    assert preprocess() == 0
    assert result(s3)["counts"] == {"published": 1}
    assert result(s3)["outputs"]["folder"] == summary["folder"]
    assert main(["postprocess", "--prepared", uri]) == 0
    # Even where the source has changed meanwhile: what is published stays.
    deliver(s3, tmp_path / "late", seed=9)
    assert preprocess() == 0
    assert everything(s3) == before


def test_what_a_crash_left_is_not_taken_for_a_result(s3: Any, tmp_path: Path) -> None:
    deliver(s3, tmp_path)
    summary, uri = publish(s3)
    whole = everything(s3)
    marker = f"results/recommendation/v1/{DATE}.json"
    recommended = summary["recommendations"].removeprefix("s3://data/")
    # Crashed before <date>.json was written; and before the recommendations were.
    for lost in ([marker], [marker, recommended]):
        for key in lost:
            s3.delete_object(Bucket="data", Key=key)
        assert preprocess() == 0
        assert result(s3)["counts"]["published"] == 0
        assert main(["postprocess", "--prepared", uri]) == 0
        assert everything(s3) == whole
    # Crashed with the scores of files that were mended since: they are another state's.
    s3.delete_object(Bucket="data", Key=marker)
    deliver(s3, tmp_path / "mended", seed=9)
    mended, _ = publish(s3)
    assert mended["folder"] != summary["folder"]


def test_of_two_runs_of_a_date_one_publishes(s3: Any, tmp_path: Path) -> None:
    deliver(s3, tmp_path)
    assert preprocess() == 0
    other = result(s3)
    model(s3, other["outputs"]["folder"])
    s3.put_object(Bucket="data", Key="runs/recommendation/other.json", Body=json.dumps(other).encode())
    deliver(s3, tmp_path / "late", seed=9)
    first, _ = publish(s3)
    assert main(["postprocess", "--prepared", "s3://data/runs/recommendation/other.json"]) == 0
    assert json.loads(everything(s3)[f"results/recommendation/v1/{DATE}.json"]) == first


def test_bad_input_is_named(s3: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def told(date: str = DATE) -> str:
        assert preprocess(date) == 2
        return capsys.readouterr().out

    def put(columns: dict[str, list[Any]]) -> None:
        pq.write_table(pa.table(columns), tmp_path / "x.parquet")
        s3.upload_file(str(tmp_path / "x.parquet"), "data", f"raw/interactions/date={DATE}/x.parquet")

    assert "--date '' is no date (YYYY-MM-DD); start the run with one" in told("")
    assert f"no interactions of {DATE}: no *.parquet under {SOURCE}/date={DATE}/" in told()
    s3.put_object(Bucket="data", Key=f"raw/interactions/date={DATE}/x.parquet", Body=b"PAR1")
    assert "x.parquet is no readable Parquet file" in told()
    put({"user": ["a"], "article": ["b"]})
    assert "x.parquet has no column item (it has user, article)" in told()
    put({"user": ["a", None], "item": ["b", "c"]})
    assert "x.parquet: column user has 1 empty values" in told()
    put({"user": [1.0, float("nan"), float("nan")], "item": ["b", "c", "d"]})
    assert "x.parquet: column user has 2 empty values" in told()
    put({"user": ["a", "b"], "item": ["", "c"]})
    assert "x.parquet: column item has 1 empty values" in told()
    pq.write_table(pa.table([["a"], ["b"], ["c"]], names=["user", "item", "item"]), tmp_path / "x.parquet")
    s3.upload_file(str(tmp_path / "x.parquet"), "data", f"raw/interactions/date={DATE}/x.parquet")
    assert "x.parquet has column item more than once" in told()
    put({"user": [f"u{n}" for n in range(5000)], "item": [f"i{n % 9}" for n in range(5000)]})
    damaged = bytearray((tmp_path / "x.parquet").read_bytes())
    damaged[200:260] = b"\0" * 60  # within the data: the file opens, its pages do not
    s3.put_object(Bucket="data", Key=f"raw/interactions/date={DATE}/x.parquet", Body=bytes(damaged))
    assert "x.parquet is no readable Parquet file" in told()
    put({"user": pa.array([], pa.string()), "item": pa.array([], pa.string())})
    assert "hold no interaction" in told()
    assert everything(s3) == everything(s3, "runs/") == {}


def test_a_step_before_that_is_missing_is_named(s3: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    deliver(s3, tmp_path)
    assert preprocess() == 0
    assert main(["postprocess", "--prepared", "s3://data/runs/recommendation/none.json"]) == 2
    assert (
        "no object at s3://data/runs/recommendation/none.json; clear the task that writes it" in capsys.readouterr().out
    )
    assert main(["postprocess", "--prepared", RESULT]) == 2
    assert "has no scores.npz; clear the task before this one" in capsys.readouterr().out


def test_scores_of_other_users_are_refused(tmp_path: Path) -> None:
    from recommendation.errors import BadInput

    file, _ = prepared([table(tmp_path / "1.parquet", [("x", "a"), ("y", "b")])])
    for shape, item in (((3, 1), 0), ((2, 1), 2)):
        found = scores(item=np.full(shape, item, np.int32), score=np.ones(shape, np.float32))
        with pytest.raises(BadInput, match="are not of these 2 users and 2 items"):
            recommendations(file, found)

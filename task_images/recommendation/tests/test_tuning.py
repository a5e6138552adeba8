"""The points of a grid: one table, one picture, the best point; written once, what is missing named."""

import csv
import hashlib
import itertools
import json
import xml.etree.ElementTree as ET
from typing import Any

import boto3
import pytest
from moto import mock_aws
from recommendation.__main__ import main
from recommendation.figure import Point, drawn

FOLDER, PLAN = "s3://data/results/recommendation/v1/2026-01-01/state", "s3://data/fanout/tuning/1.json"
SVG = "{http://www.w3.org/2000/svg}"
# factors, regularisation → hit rate
GRID = {(16, 0.1): 0.20, (16, 0.01): 0.18, (64, 0.1): 0.30, (64, 0.01): 0.30, (8, 0.01): 0.05}


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Any:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("TASKLANE_RESULT_URI", "s3://data/runs/recommendation/r.json")
    with mock_aws():
        client = boto3.client("s3")
        client.create_bucket(Bucket="data")
        yield client


def put(s3: Any, uri: str, value: Any) -> None:
    s3.put_object(Bucket="data", Key=uri.removeprefix("s3://data/"), Body=json.dumps(value).encode())


def body(s3: Any, uri: str) -> bytes:
    return bytes(s3.get_object(Bucket="data", Key=uri.removeprefix("s3://data/"))["Body"].read())


def planned(s3: Any, points: dict[tuple[int, float], float | str | None]) -> None:
    """A plan of these points, and what each has left: a hit rate, its problem, nothing."""
    items = []
    for number, ((factors, regularization), hit_rate) in enumerate(points.items()):
        result = f"{FOLDER}/points/{number}"
        items.append({"key": f"factors={factors} regularization={regularization}", "result": result, "batch": number})
        if isinstance(hit_rate, str):
            put(s3, f"{result}.json", {"problem": hit_rate})
        elif hit_rate is not None:
            figures = {"hit_rate": hit_rate, "popularity_hit_rate": 0.125, "judged_users": 60}
            put(s3, f"{result}.json", {"settings": {}, "top": 10, **figures})
    put(s3, PLAN, {"parameters": {"folder": FOLDER}, "items": items, "batches": []})


def compared(s3: Any, *more: str) -> dict[str, Any]:
    assert main(["compare", "--manifest", PLAN, *more]) == 0
    return dict(json.loads(body(s3, "s3://data/runs/recommendation/r.json")))


def everything(s3: Any) -> dict[str, Any]:
    found = s3.list_objects_v2(Bucket="data", Prefix="results/").get("Contents", [])
    return {o["Key"]: (o["LastModified"], body(s3, f"s3://data/{o['Key']}")) for o in found}


def test_one_table_one_picture_and_the_best_point(s3: Any) -> None:
    planned(s3, GRID)
    document = compared(s3)
    assert document["counts"] == {"points": 5, "missing": 0, "written": 3}
    text = body(s3, document["outputs"]["table"])
    assert hashlib.sha256(text).hexdigest() in document["outputs"]["table"]
    rows = [(int(row["factors"]), float(row["regularization"]), float(row["hit_rate"]), row["problem"])
            for row in csv.DictReader(text.decode().splitlines())]  # fmt: skip
    assert rows == [
        (8, 0.01, 0.05, ""),
        (16, 0.01, 0.18, ""),
        (64, 0.01, 0.3, ""),
        (16, 0.1, 0.2, ""),
        (64, 0.1, 0.3, ""),
    ]
    summary = json.loads(body(s3, document["outputs"]["summary"]))
    assert summary["best"] == {"factors": 64, "regularization": 0.01, "hit_rate": 0.3}
    assert (summary["popularity_hit_rate"], summary["beats_popularity"], summary["missing"]) == (0.125, True, [])
    before = everything(s3)
    assert compared(s3)["counts"]["written"] == 0
    assert everything(s3) == before


def test_missing_points_fail_it_unless_they_are_allowed(s3: Any, capsys: pytest.CaptureFixture[str]) -> None:
    planned(s3, {**GRID, (64, 0.1): None})
    assert main(["compare", "--manifest", PLAN]) == 2
    assert "1 of 5 points have no result: factors=64 regularization=0.1; clear evaluate" in capsys.readouterr().out
    partial = compared(s3, "--allow-missing")
    assert partial["counts"]["missing"] == 1
    summary = json.loads(body(s3, partial["outputs"]["summary"]))
    assert summary["missing"] == ["factors=64 regularization=0.1"]
    assert "64,0.1,,,,no result" in body(s3, partial["outputs"]["table"]).decode()
    planned(s3, GRID)  # resumed: the complete table stands beside the partial one
    complete = compared(s3)
    assert complete["outputs"]["summary"] != partial["outputs"]["summary"]
    assert json.loads(body(s3, partial["outputs"]["summary"])) == summary


def test_a_bad_point_is_named_and_is_no_reason_to_fail(s3: Any) -> None:
    planned(s3, {**GRID, (999, 0.1): "factors=999: 60 users"})
    document = compared(s3)
    summary = json.loads(body(s3, document["outputs"]["summary"]))
    assert (summary["bad"], summary["missing"]) == ({"factors=999 regularization=0.1": "factors=999: 60 users"}, [])
    assert "999,0.1,,,,factors=999: 60 users" in body(s3, document["outputs"]["table"]).decode()
    assert summary["best"]["factors"] == 64


def test_no_result_at_all_is_no_table(s3: Any, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compare", "--manifest", PLAN]) == 2
    assert f"no object at {PLAN}; clear the task plan_points" in capsys.readouterr().out
    planned(s3, {(8, 0.1): None})
    assert main(["compare", "--manifest", PLAN, "--allow-missing"]) == 2
    assert "none of 1 points has a result" in capsys.readouterr().out
    assert everything(s3) == {}


def test_a_model_that_popularity_beats_is_named_so(s3: Any) -> None:
    planned(s3, {(8, 0.1): 0.05, (16, 0.1): 0.1})
    summary = json.loads(body(s3, compared(s3)["outputs"]["summary"]))
    assert (summary["best"]["factors"], summary["beats_popularity"]) == (16, False)


def test_the_picture_shows_every_point_at_its_height() -> None:
    points = [Point(factors, regularization, rate) for (factors, regularization), rate in GRID.items()]
    text = drawn(points, 0.125)
    assert drawn(points[::-1], 0.125) == text
    root = ET.fromstring(text)  # noqa: S314 (our own text)
    dots = [(float(dot.get("cx", 0)), float(dot.get("cy", 0))) for dot in root.iter(f"{SVG}circle")]
    lines = [line.get("points", "").split(" ") for line in root.iter(f"{SVG}polyline")]
    assert (len(dots), [len(line) for line in lines]) == (5, [3, 2])
    dashed = [line for line in root.iter(f"{SVG}line") if line.get("stroke-dasharray")]
    level, in_the_key = (float(line.get("y1", 0)) for line in sorted(dashed, key=lambda line: float(line.get("x1", 0))))
    assert in_the_key != level
    above = {point: cy < level for point, (_, cy) in zip(sorted(points, key=lambda p: (p[1], p[0])), dots, strict=True)}
    assert all(higher == (point.hit_rate > 0.125) for point, higher in above.items())
    assert len({x for x, _ in dots}) == 3  # factors
    words = [text.text for text in root.iter(f"{SVG}text")]
    assert {"8", "16", "64", "regularization 0.01", "regularization 0.1", "popularity 0.125"} <= set(words)


def test_nothing_found_is_a_picture_too() -> None:
    assert ET.fromstring(drawn([Point(8, 0.1, 0.0)], 0.0)).tag == f"{SVG}svg"  # noqa: S314 (our own text)


def test_the_largest_grid_has_a_whole_key_and_names_apart() -> None:
    """32 × 32, the most that the DAG takes: the key ran out of the picture, and the factors' names over each other."""
    points = [Point(8 * f, r / 32, 0.2) for f in range(1, 33) for r in range(1, 33)]
    picture = ET.fromstring(drawn(points, 0.1))  # noqa: S314 (our own text)
    height = float(picture.attrib["viewBox"].split()[3])
    texts = [(float(t.attrib["x"]), float(t.attrib["y"]), str(t.text)) for t in picture.iter(f"{SVG}text")]
    assert len([text for *_, text in texts if text.startswith("regularization")]) == 32
    assert max(y for _, y, _ in texts) < height
    named = sorted(x for x, _, text in texts if text.isdigit() and int(text) % 8 == 0 and text != "0")
    assert min(right - left for left, right in itertools.pairwise(named)) > 30
    strokes = [(line.attrib["stroke"], line.get("stroke-dasharray")) for line in picture.iter(f"{SVG}polyline")]
    assert len(set(strokes)) == 32

"""One point of a grid: its own settings, written once; the batch of an array's child; bad points named."""

import json
from typing import Any

import pytest
from recommendation_inference.__main__ import main
from recommendation_inference.evaluate import judged, settings_of
from recommendation_inference.model import Settings

from .test_inference import FOLDER, ITEMS, USERS, body, npz, planted, put

PLAN, BATCHES = "s3://data/fanout/tuning/1.json", "s3://data/fanout/tuning/1.b.batches.json"


def plan(s3: Any, *points: str) -> None:
    items = [
        {"key": point, "result": f"{FOLDER}/points/{number}", "batch": number} for number, point in enumerate(points)
    ]
    put(s3, PLAN, json.dumps({"parameters": {"folder": FOLDER}, "items": items}).encode())
    put(s3, f"{FOLDER}/interactions.npz", npz(planted()[0]))


def test_a_point_has_its_own_settings_and_is_written_once(s3: Any) -> None:
    plan(s3, "factors=2 regularization=0.1", "factors=32 regularization=0.01")
    for batch in ("0", "1"):
        assert main(["evaluate", "--manifest", PLAN, "--batch", batch]) == 0
    few, many = (json.loads(body(s3, f"{FOLDER}/points/{number}.json")) for number in (0, 1))
    assert few["settings"] == {"factors": 2, "regularization": 0.1, "iterations": 15, "confidence": 10.0}
    assert (few["judged_users"], few["popularity_hit_rate"]) == (USERS, many["popularity_hit_rate"])
    assert many["hit_rate"] > 1.3 * few["hit_rate"]  # twenty groups: two factors cannot tell them apart
    first = body(s3, f"{FOLDER}/points/0.json")
    plan(s3, "factors=32 regularization=0.01")  # another plan that names the same place
    assert main(["evaluate", "--manifest", PLAN, "--batch", "0"]) == 0
    assert body(s3, f"{FOLDER}/points/0.json") == first
    document = json.loads(body(s3, "s3://data/runs/recommendation_inference/r.json"))
    assert document["counts"] == {"computed": 0}


def test_a_child_of_an_array_finds_its_batch(s3: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    plan(s3, "factors=2", "factors=3", "factors=4")
    put(s3, BATCHES, json.dumps({"batches": [2, 1]}).encode())
    monkeypatch.setenv("TASKLANE_BATCHES_URI", BATCHES)
    monkeypatch.delenv("TASKLANE_RESULT_URI")  # children have none
    for position, factors in ((0, 4), (1, 3)):
        monkeypatch.setenv("AWS_BATCH_JOB_ARRAY_INDEX", str(position))
        assert main(["evaluate", "--manifest", PLAN]) == 0
        assert json.loads(body(s3, f"{FOLDER}/points/{factors - 2}.json"))["settings"]["factors"] == factors
    monkeypatch.delenv("AWS_BATCH_JOB_ARRAY_INDEX")  # a single job is no array
    assert main(["evaluate", "--manifest", PLAN]) == 0


def test_what_is_missing_is_named(s3: Any, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evaluate", "--manifest", PLAN]) == 2
    assert "no batch: give --batch N" in capsys.readouterr().out
    assert main(["evaluate", "--manifest", PLAN, "--batch", "0"]) == 2
    assert f"no object at {PLAN}; clear the task plan_points" in capsys.readouterr().out
    plan(s3, "factors=2")
    assert main(["evaluate", "--manifest", PLAN, "--batch", "7"]) == 2
    assert "batch 7 has 0 points; plan one point per batch" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("point", "words"),
    [
        (f"factors={ITEMS}", f"factors={ITEMS}: {USERS} users and {ITEMS} items bear 1 to {ITEMS - 1}; leave this"),
        ("factors=0", "factors=0: "),
        ("factors=many", "factors=many is no int"),
        ("depth=3", "no setting 'depth' (there are: factors, regularization, iterations, confidence)"),
    ],
)
def test_a_bad_point_is_bad_input(point: str, words: str) -> None:
    assert words in judged(planted()[0], point)["problem"]


def test_a_bad_point_is_on_record_by_name_and_stays_bad_input(s3: Any, capsys: pytest.CaptureFixture[str]) -> None:
    plan(s3, f"factors={ITEMS}")
    for _ in range(2):
        assert main(["evaluate", "--manifest", PLAN, "--batch", "0"]) == 2
        assert "leave this point out of the grid" in capsys.readouterr().out
    record = json.loads(body(s3, f"{FOLDER}/points/0.json"))
    assert record == {"problem": f"factors={ITEMS}: {USERS} users and {ITEMS} items bear 1 to {ITEMS - 1}; "
                                 f"leave this point out of the grid"}  # fmt: skip
    # What is wrong with the interactions is not the point's own: nothing is put on record.
    plan(s3, "factors=2", "factors=3")
    put(s3, f"{FOLDER}/interactions.npz", b"torn")
    assert main(["evaluate", "--manifest", PLAN, "--batch", "1"]) == 2
    assert f"{FOLDER}/points/1.json".removeprefix("s3://data/") not in str(s3.list_objects_v2(Bucket="data"))


def test_what_a_point_does_not_name_keeps_its_default() -> None:
    assert settings_of("factors=8 regularization=1") == Settings(factors=8, regularization=1.0)
    assert settings_of("") == Settings()

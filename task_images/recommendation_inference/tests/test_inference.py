"""Planted groups found, popularity beaten on what was held back; scores written once; bad input named."""

import io
import json
from typing import Any

import numpy as np
import pytest
from recommendation_inference.__main__ import main
from recommendation_inference.model import Settings, recommend
from recommendation_inference.quality import held_back, quality
from recommendation_inference.scores import read_counts
from scipy.sparse import csr_matrix

GROUP, ITEMS, USERS = 20, 400, 800
FOLDER = "s3://data/results/recommendation/v1/2026-01-01/state"
PREPARED = "s3://data/runs/recommendation/preprocess.json"


def planted(seed: int = 3) -> tuple[csr_matrix, np.ndarray]:
    """(counts, the two groups of items that each user likes): four of five interactions keep to them."""
    chance = np.random.default_rng(seed)
    tastes = chance.integers(ITEMS // GROUP, size=(USERS, 2))
    user = chance.integers(USERS, size=USERS * 20)
    own = tastes[user, chance.integers(2, size=len(user))] * GROUP + chance.integers(GROUP, size=len(user))
    popular = np.minimum(chance.zipf(1.3, size=len(user)) - 1, ITEMS - 1) * 7919 % ITEMS
    item = np.where(chance.random(len(user)) < 0.8, own, popular)
    counts = csr_matrix((np.ones(len(user), np.int32), (user, item)), shape=(USERS, ITEMS))
    counts.sum_duplicates()
    return counts, tastes


def npz(counts: csr_matrix) -> bytes:
    found, file = counts.tocoo(), io.BytesIO()
    np.savez_compressed(file, user=found.row, item=found.col, count=found.data)
    return file.getvalue()


def test_planted_groups_are_found_and_nothing_that_a_user_has() -> None:
    counts, tastes = planted()
    found, scores = recommend(counts, 10, Settings())
    assert found.shape == scores.shape == (USERS, 10)
    liked = [item // GROUP in tastes[user] for user in range(USERS) for item in found[user, :5]]
    assert np.mean(liked) > 0.7  # by chance: 0.1
    has = [set(counts.indices[counts.indptr[user] : counts.indptr[user + 1]]) for user in range(USERS)]
    assert not [user for user in range(USERS) if has[user] & set(found[user])]
    assert (np.diff(scores, axis=1) <= 0).all()


def test_it_beats_popularity_on_what_was_held_back() -> None:
    figures = quality(planted()[0], 10, Settings())
    assert figures.judged_users == USERS
    assert figures.hit_rate > 0.25
    assert figures.hit_rate > 1.7 * figures.popularity_hit_rate > 0.1


def test_one_known_item_is_held_back_of_each_user_who_has_enough() -> None:
    counts = csr_matrix(np.array([[1, 2, 3, 4, 0], [1, 1, 0, 0, 0], [5, 0, 1, 1, 1]]))
    known, users, held = held_back(counts)
    assert users.tolist() == [0, 2]
    assert all(counts[user, item] > 0 == known[user, item] for user, item in zip(users, held, strict=True))
    assert known.getnnz(axis=1).tolist() == [3, 2, 3]
    assert quality(counts[1:2], 10, Settings()).judged_users == 0


def test_popularity_by_hand() -> None:
    """Item 0 is everybody's, then 1, then 2: who has 0 and 1 is offered 2, then 3."""
    rows = np.array([[1, 1, 1, 0], [1, 1, 0, 1], [1, 0, 0, 0], [1, 1, 1, 1]])
    by_popularity = np.argsort(-rows.sum(axis=0), kind="stable")
    from recommendation_inference.quality import _popular_hit

    known = csr_matrix(np.array([[1, 1, 0, 0]]))
    assert _popular_hit(known, by_popularity, 0, 2, 1)
    assert not _popular_hit(known, by_popularity, 0, 3, 1)
    assert _popular_hit(known, by_popularity, 0, 3, 2)


def test_fewer_items_than_places() -> None:
    found, _ = recommend(csr_matrix(np.array([[1, 1, 0], [0, 1, 1], [1, 1, 1]])), 10, Settings())
    assert [sorted(row[row >= 0].tolist()) for row in found] == [[2], [0], []]


def put(s3: Any, uri: str, body: bytes) -> None:
    s3.put_object(Bucket="data", Key=uri.removeprefix("s3://data/"), Body=body)


def body(s3: Any, uri: str) -> bytes:
    return bytes(s3.get_object(Bucket="data", Key=uri.removeprefix("s3://data/"))["Body"].read())


def test_scores_are_written_once(s3: Any) -> None:
    put(s3, PREPARED, json.dumps({"outputs": {"folder": FOLDER}}).encode())
    put(s3, f"{FOLDER}/interactions.npz", npz(planted()[0]))
    hoard = b"x" * (200 * 2**20)  # what a process holds shows in the peak
    assert main(["infer", "--prepared", PREPARED, "--top", "5"]) == 0
    first = body(s3, f"{FOLDER}/scores.npz")
    with np.load(io.BytesIO(first)) as arrays:
        assert (arrays["item"].shape, arrays["item"].dtype, arrays["score"].dtype) == ((USERS, 5), "int32", "float32")
        told = {name: arrays[name].item() for name in ("hit_rate", "popularity_hit_rate", "judged_users")}
    document = json.loads(body(s3, "s3://data/runs/recommendation_inference/r.json"))
    assert document["counts"] == {"computed": 1, **told}
    assert document["peak_memory_mib"] > len(hoard) / 2**20
    assert (
        main(["infer", "--prepared", PREPARED, "--top", "7"]) == 0
    )  # other scores would be the result: they are not written
    assert body(s3, f"{FOLDER}/scores.npz") == first
    assert json.loads(body(s3, "s3://data/runs/recommendation_inference/r.json"))["counts"] == {"computed": 0}


def test_bad_input_is_named(s3: Any, capsys: pytest.CaptureFixture[str]) -> None:
    def told() -> str:
        assert main(["infer", "--prepared", PREPARED]) == 2
        return capsys.readouterr().out

    assert f"no object at {PREPARED}" in told()
    put(s3, PREPARED, json.dumps({"outputs": {"folder": FOLDER}}).encode())
    assert f"no object at {FOLDER}/interactions.npz; clear the task preprocess" in told()
    put(s3, f"{FOLDER}/interactions.npz", b"torn")
    assert "not a file that preprocess wrote" in told()
    put(s3, f"{FOLDER}/interactions.npz", npz(csr_matrix((2, 2), dtype=np.int32)))
    assert "no interaction in the prepared file" in told()
    assert "scores.npz" not in str(s3.list_objects_v2(Bucket="data", Prefix="results/"))


def test_counts_are_read_as_they_were_prepared() -> None:
    counts = csr_matrix(np.array([[0, 2], [7, 0]]))
    assert (read_counts(npz(counts)) != counts).nnz == 0

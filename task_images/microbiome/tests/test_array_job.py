"""The batch of a container in an array job."""

import json

import pytest

from microbiome.array_job import my_batch
from microbiome.errors import BadInput


def test_the_index_of_the_child_is_a_place_in_the_list_and_not_the_batch(tmp_path, monkeypatch):
    (tmp_path / "b.json").write_text(json.dumps({"batches": [3, 7, 40]}))
    monkeypatch.setenv("TASKLANE_BATCHES_URI", str(tmp_path / "b.json"))
    assert my_batch() == 3  # a single job has no index
    monkeypatch.setenv("AWS_BATCH_JOB_ARRAY_INDEX", "2")
    assert my_batch() == 40
    monkeypatch.setenv("AWS_BATCH_JOB_ARRAY_INDEX", "3")
    with pytest.raises(BadInput, match="3 batches"):
        my_batch()


def test_outside_an_array_job_the_batch_must_be_given(monkeypatch):
    monkeypatch.delenv("TASKLANE_BATCHES_URI", raising=False)
    with pytest.raises(BadInput, match="--batch N"):
        my_batch()

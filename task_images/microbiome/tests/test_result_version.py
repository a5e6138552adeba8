"""Whoever changes the bytes of a sample's result must raise result_version: results are found again by it."""

from pathlib import Path

import golden
import pytest

import microbiome.sample


def test_results_are_those_of_their_version(tmp_path: Path) -> None:
    known, version = golden.recorded(), golden.version()
    assert version in known, f"result_version {version} is new: record its results with `python tests/golden.py`"
    now = golden.measured(tmp_path)
    assert now["inputs"] == known[version]["inputs"], "the generator changed: record anew with `python tests/golden.py`"
    assert now["results"] == known[version]["results"], (
        f"the same samples give other results than result_version {version} stands for: raise result_version in "
        "task.toml, and record them with `python tests/golden.py`"
    )


def test_versions_differ_in_their_results() -> None:
    results = [entry["results"] for entry in golden.recorded().values()]
    assert len(set(results)) == len(results), "a version was raised although no result changed"


def test_a_changed_result_is_seen_and_not_recorded_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    copy = tmp_path / "golden.json"
    copy.write_text(golden.GOLDEN.read_text())
    monkeypatch.setattr(golden, "GOLDEN", copy)
    monkeypatch.setattr(microbiome.sample.quality, "UNIT", microbiome.sample.quality.UNIT * 3 // 4)
    assert golden.main() == 1
    assert "raise it in task.toml" in capsys.readouterr().out
    assert copy.read_text() == (golden.FOLDER / "golden_results.json").read_text()

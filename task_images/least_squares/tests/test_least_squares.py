"""Known coefficients are recovered; a table that cannot be fitted is bad input."""

import json

import numpy as np
import pandas as pd
import pytest
from least_squares.__main__ import main
from least_squares.model import BadInput, fit

from least_squares import __main__ as program

TRUTH = {"const": 3.0, "dose": 2.0, "age": -0.5}


def table(rows: int = 400, noise: float = 0.5) -> pd.DataFrame:
    random = np.random.default_rng(7)
    made = pd.DataFrame({"dose": random.uniform(0, 10, rows), "age": random.uniform(20, 80, rows)})
    made["effect"] = TRUTH["const"] + TRUTH["dose"] * made.dose + TRUTH["age"] * made.age
    made["effect"] += random.normal(0, noise, rows)
    return made


def test_known_coefficients_lie_in_their_intervals() -> None:
    fitted = fit(table(), "effect", ["dose", "age"])
    for name, truth in TRUTH.items():
        found = fitted["coefficients"][name]
        assert found["low"] <= truth <= found["high"], name
        assert found["value"] == pytest.approx(truth, abs=4 * found["standard_error"])
    assert fitted["r_squared"] > 0.99


def test_without_noise_they_are_exact_and_incomplete_rows_are_left_out() -> None:
    made = table(noise=0.0)
    made.loc[0, "dose"] = np.nan
    fitted = fit(made, "effect", ["dose", "age"])
    assert {n: c["value"] for n, c in fitted["coefficients"].items()} == pytest.approx(TRUTH, abs=1e-9)
    assert (fitted["rows"], fitted["rows_left_out"]) == (399, 1)


@pytest.mark.parametrize(
    ("predictors", "said"),
    [
        (["const"], "cannot be named const"),
        (["effect"], "is the outcome"),
        (["constant"], "column constant is the same in all 400 rows"),
        (["dose", "tiny"], "too many powers of ten"),
        (["infinite"], "column infinite has infinite values"),
        (["size"], "no column size"),
        (["word"], "column word holds other things"),
        (["dose", "double"], "depend linear"),
    ],
)
def test_what_cannot_be_fitted_is_bad_input(predictors, said) -> None:
    with pytest.raises(BadInput, match=said):
        fit(
            table().assign(
                word="x",
                const=1.0,
                constant=1.0,
                infinite=np.inf,
                tiny=lambda t: t.age * 1e-30,
                double=lambda t: 2 * t.dose,
            ),
            "effect",
            predictors,
        )


def test_an_outcome_without_an_explanation_is_bad_input() -> None:
    """Both were written as words that are no JSON: NaN, -Infinity."""
    made = table()
    with pytest.raises(BadInput, match="nothing to explain"):
        fit(made.assign(effect=5.0), "effect", ["dose", "age"])
    made.loc[3, "effect"] = -np.inf
    with pytest.raises(BadInput, match="column effect has infinite"):
        fit(made, "effect", ["dose", "age"])


def test_the_program_writes_coefficients_and_result_document(tmp_path, monkeypatch, capsys) -> None:
    table().to_csv(tmp_path / "t.csv", index=False)
    monkeypatch.setenv("TASKLANE_RESULT_URI", str(tmp_path / "result.json"))
    words = ["--table", str(tmp_path / "t.csv"), "--outcome", "effect", "--output", str(tmp_path / "out.json")]
    assert main([*words, "--predictors", "dose,age"]) == 0
    assert json.loads((tmp_path / "result.json").read_text())["rows"] == 400
    assert json.loads((tmp_path / "out.json").read_text())["coefficients"]["dose"]["value"] == pytest.approx(2, abs=0.1)
    assert main([*words, "--predictors", "nothing"]) == 2
    assert "no column nothing" in capsys.readouterr().err
    words[1] = str(tmp_path / "absent.csv")
    assert main([*words, "--predictors", "dose"]) == 2


def test_an_absent_object_is_bad_input_though_s3_would_say_access_denied(monkeypatch, capsys) -> None:
    """The task's role lists only raw/: S3 answers 403, and the task was tried three times for a name mistyped."""

    class Bucket:
        def list_objects_v2(self, **asked):
            return {"Contents": [{"Key": asked["Prefix"] + ".bak"}]}

    monkeypatch.setattr(program, "_s3", Bucket)
    words = ["--table", "s3://data/raw/none.csv", "--outcome", "effect", "--predictors", "dose", "--output", "o.json"]
    assert main(words) == 2
    assert "s3://data/raw/none.csv does not exist" in capsys.readouterr().err

"""The model: a pure function from a table to coefficients."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import statsmodels.api as sm


class BadInput(Exception):
    """The table cannot be fitted; the message says what is missing."""


def fit(table: pd.DataFrame, outcome: str, predictors: Sequence[str]) -> dict[str, Any]:
    """Coefficients with standard errors and 95 % intervals, in the units of `outcome` per unit of the predictor.

    Rows with a missing value in one of the columns are left out. Raises BadInput for unknown or non-numeric columns,
    infinite values, too few rows, an outcome that never changes, and predictors that are constant or linear
    combinations of each other. `const` is the name of the intercept, and of no predictor.
    """
    columns = [outcome, *predictors]
    unknown = [name for name in columns if name not in table]
    if unknown:
        raise BadInput(f"no column {', '.join(unknown)} (there are {', '.join(map(str, table.columns))})")
    if "const" in predictors:
        raise BadInput("a predictor cannot be named const, which is the intercept: rename the column")
    if outcome in predictors:
        raise BadInput(f"{outcome} is the outcome: leave it out of the predictors")
    text = [name for name in columns if not pd.api.types.is_numeric_dtype(table[name])]
    if text:
        raise BadInput(f"column {', '.join(text)} holds other things than numbers")
    rows = table[columns].dropna().astype(float)
    if infinite := [name for name in dict.fromkeys(columns) if np.isinf(rows[name].to_numpy()).any()]:
        raise BadInput(f"column {', '.join(infinite)} has infinite values: mend or remove these rows")
    if len(rows) <= len(columns):
        raise BadInput(f"{len(rows)} complete rows for {len(columns)} coefficients: more rows are needed")
    if rows[outcome].nunique() == 1:
        raise BadInput(f"{outcome} is the same in all {len(rows)} rows: there is nothing to explain")
    if constant := [name for name in predictors if (rows[name] == rows[name].iloc[0]).to_numpy().all()]:
        raise BadInput(f"column {', '.join(constant)} is the same in all {len(rows)} rows: leave it out")
    design = sm.add_constant(rows[list(predictors)], has_constant="add")
    # Of columns of one length, so that units do not count; the model's own rank is of the columns as they are.
    scaled = design.to_numpy() / np.linalg.norm(design.to_numpy(), axis=0)
    if np.linalg.matrix_rank(scaled) < design.shape[1]:
        raise BadInput(f"the columns {', '.join(predictors)} depend linearly on each other: leave one out")
    fitted = sm.OLS(rows[outcome], design).fit()
    if fitted.model.rank < design.shape[1]:
        raise BadInput(f"the columns {', '.join(predictors)} differ by too many powers of ten: change their units")
    intervals = fitted.conf_int(alpha=0.05)
    return {
        "outcome": outcome,
        "rows": len(rows),
        "rows_left_out": len(table) - len(rows),
        "r_squared": float(fitted.rsquared),
        "coefficients": {
            str(name): {
                "value": float(fitted.params[name]),
                "standard_error": float(fitted.bse[name]),
                "low": float(intervals.loc[name, 0]),
                "high": float(intervals.loc[name, 1]),
            }
            for name in design.columns
        },
    }

"""The model: a pure function from a table to coefficients."""

from collections.abc import Sequence
from typing import Any

import pandas as pd
import statsmodels.api as sm


class BadInput(Exception):
    """The table cannot be fitted; the message says what is missing."""


def fit(table: pd.DataFrame, outcome: str, predictors: Sequence[str]) -> dict[str, Any]:
    """Coefficients with standard errors and 95 % intervals, in the units of `outcome` per unit of the predictor.

    Rows with a missing value in one of the columns are left out. Raises BadInput for unknown or non-numeric columns,
    too few rows, and predictors that are linear combinations of each other.
    """
    columns = [outcome, *predictors]
    unknown = [name for name in columns if name not in table]
    if unknown:
        raise BadInput(f"no column {', '.join(unknown)} (there are {', '.join(map(str, table.columns))})")
    text = [name for name in columns if not pd.api.types.is_numeric_dtype(table[name])]
    if text:
        raise BadInput(f"column {', '.join(text)} holds other things than numbers")
    rows = table[columns].dropna()
    if len(rows) <= len(columns):
        raise BadInput(f"{len(rows)} complete rows for {len(columns)} coefficients: more rows are needed")
    design = sm.add_constant(rows[list(predictors)], has_constant="add")
    fitted = sm.OLS(rows[outcome], design).fit()
    if fitted.model.rank < design.shape[1]:
        raise BadInput(f"the columns {', '.join(predictors)} depend linearly on each other: leave one out")
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

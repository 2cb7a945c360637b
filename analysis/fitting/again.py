"""The rows of a fit, taken again from its table: a page or a plan of both is of the same runs."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from analysis.fitting import budgets, laws
from analysis.fitting.result import Fit
from analysis.fitting.rows import Rows, prepare
from analysis.table.query import RowFilter


def rows(
    table: pd.DataFrame,
    fit: Fit,
    name: str = "table",
    given: Mapping[str, str | None] | None = None,
    row_filter: RowFilter | None = None,
    notes: Sequence[str] = (),
    needed: Sequence[str] = (),
) -> Rows:
    """The rows of `table` that `fit` was made of, where `are_of` says that it was.

    `given` and `row_filter` stand in place of the fit's own; `needed` are roles beside its law's.
    """
    asked = vars(row_filter or fit.row_filter)
    needed = (*needed, *laws.needed(fit.law)) if fit.law else needed
    found = prepare(table, needed, name, given=given or fit.columns, notes=notes, **asked)
    for gone in fit.dropped:
        if gone.reason == "unstable" and "unstable" in asked["drop"]:  # what a law was asked to say
            left = ~found.fitted.index.isin(np.array(gone.row_numbers) - 1)
            found = replace(found, fitted=found.fitted[left], dropped=[*found.dropped, gone])
    return found


def are_of(rows: Rows, fit: Fit) -> bool:
    """Whether a fit was made of these rows: as many, of the same columns, budgets and best runs."""
    if fit.columns != rows.columns or fit.rows not in (len(rows.fitted), 0):  # 0: it does not say
        return False
    swept = budgets.swept(rows.fitted)
    there = [] if swept is None else sorted(swept["flops_budget"].unique())
    known = set() if swept is None else set(swept["run_id"].astype(str))
    return [b.flops for b in fit.budgets] == there and {b.best_run for b in fit.budgets} <= known

"""The best size of each compute, N*(C) = N (C / reference)^a, through the minima of the budgets.

Approach 2 of 2203.15556.
"""

from analysis.fitting.entry import SQUARES, Entry, Options, missing
from analysis.fitting.result import OfBudgets
from analysis.fitting.rows import Rows
from analysis.laws.method import Method
from vdit.errors import InputError


def fit(rows: Rows, part: OfBudgets, options: Options) -> Entry:
    """The law through the budgets' best sizes, which `fitting.budgets` has found."""
    law = part.isoflop
    if law is None:
        raise InputError("isoflop: no compute budgets above 0 (--budget COL names their column)")
    if law.parameters is None:
        return missing("isoflop", law.n, "no power law through the budgets' best sizes")
    a = law.parameters["a"]
    return Entry(
        law="isoflop",
        objective=SQUARES,
        n=law.n,
        parameters={**law.parameters, "reference": law.reference},
        derived={"a": a, "b": 1 - a},
        intervals=law.intervals or {},
        status=law.status,
    )


FORM = "N*(C) = N (C / reference)^a"
LAW = Method("isoflop", ("params", "tokens", "flops", "budget"), fit)

"""The best size of each compute, N*(C) = N (C / reference)^a, through the minima of the budgets.

Approach 2 of 2203.15556.
"""

from typing import TYPE_CHECKING, Any

from analysis.laws.method import Method
from vdit.errors import InputError

if TYPE_CHECKING:
    from analysis.fitting.entry import Options
    from analysis.fitting.rows import Rows


def fit(rows: "Rows", part: dict[str, Any], options: "Options") -> dict[str, Any]:
    """The law through the budgets' best sizes, which `fitting.budgets` has found."""
    if not part:
        raise InputError("isoflop: no compute budgets above 0 (--budget COL names their column)")
    law = part["isoflop"]
    if "parameters" not in law:
        words = "not identified: no power law through the budgets' best sizes"
        return {"n": law["n"], "status": words}
    a = law["parameters"]["a"]
    return {
        "n": law["n"],
        "parameters": {**law["parameters"], "reference": law["reference"]},
        "derived": {"a": a, "b": 1 - a},
        "intervals": law.get("intervals", {}),
        "status": law["status"],
    }


FORM = "N*(C) = N (C / reference)^a"
LAW = Method("isoflop", ("params", "tokens", "flops", "budget"), fit)

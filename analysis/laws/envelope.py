"""Power laws along the lower envelope of all runs: N* = k_N C^a, D* = k_D C^b, L = k_L C^-g.

Approach 1 of 2203.15556.
"""

from dataclasses import replace

from analysis.fitting.entry import SQUARES, Entry, Options, missing
from analysis.fitting.result import OfBudgets
from analysis.fitting.rows import Rows
from analysis.frontier import envelope
from analysis.laws.method import Method
from analysis.table import columns
from vdit.errors import InputError

NUMBERS = ("params", "tokens", "flops", "loss")


def fit(rows: Rows, part: OfBudgets, options: Options) -> Entry:
    """The laws through the points of the envelope that lie between its ends."""
    numbers = {role: columns.numbers(rows.fitted, role) for role in NUMBERS}
    roles = {role: role for role in (*NUMBERS, "group") if role in rows.fitted.columns}
    try:
        points, inside, flags = envelope.envelope(rows.fitted.assign(**numbers), roles)
    except InputError as error:
        return missing("envelope", len(rows.fitted), str(error))
    law = envelope.laws(points.take(inside))
    found = Entry(
        law="envelope",
        objective=None,
        n=law.n,
        status=law.status,
        warnings=tuple(flags),
    )
    p = law.parameters
    if not p:
        return found
    return replace(found, objective=SQUARES, parameters=p, derived={"a": p["a"], "b": p["b"]})


FORM = "N* = k_N C^a, D* = k_D C^b, L = k_L C^-g"
LAW = Method("envelope", NUMBERS[:-1], fit)

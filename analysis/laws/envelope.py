"""Power laws along the lower envelope of all runs: N* = k_N C^a, D* = k_D C^b, L = k_L C^-g.

Approach 1 of 2203.15556.
"""

from typing import TYPE_CHECKING, Any

from analysis.frontier import envelope
from analysis.laws.method import Method
from analysis.table import columns
from vdit.errors import InputError

if TYPE_CHECKING:
    from analysis.fitting.entry import Options
    from analysis.fitting.rows import Rows

NUMBERS = ("params", "tokens", "flops", "loss")
PARAMETERS = ("k_N", "a", "k_D", "b", "k_L", "g")


def fit(rows: "Rows", part: dict[str, Any], options: "Options") -> dict[str, Any]:
    """The laws through the points of the envelope that lie between its ends."""
    numbers = {role: columns.numbers(rows.fitted, role) for role in NUMBERS}
    roles = {role: role for role in (*NUMBERS, "group") if role in rows.fitted.columns}
    try:
        points, inside, flags = envelope.envelope(rows.fitted.assign(**numbers), roles)
    except InputError as error:
        return {"n": len(rows.fitted), "status": f"not identified: {error}"}
    law = envelope.laws(points.take(inside))
    found = {"n": law["n"], "status": law["status"], "warnings": [flag.as_dict() for flag in flags]}
    if "a" not in law:
        return found
    parameters = {name: law[name] for name in PARAMETERS}
    return found | {"parameters": parameters, "derived": {"a": law["a"], "b": law["b"]}}


FORM = "N* = k_N C^a, D* = k_D C^b, L = k_L C^-g"
LAW = Method("envelope", NUMBERS[:-1], fit)

"""Where the budgets of a sweep lie on a curve that goes further."""

import pandas as pd

from analysis.figures import style
from analysis.figures.axes import times
from analysis.fitting.result import Fit
from analysis.page import elements
from vdit.errors import InputError


def note(fit: Fit, longer: pd.DataFrame) -> str:
    """How the lowest loss falls in the table `longer` over the fit's budgets, and beyond them."""
    loss = "loss_ema" if "loss_ema" in longer else "loss"
    if "flops_budget" not in longer or not (longer["flops_budget"] > 0).any():
        raise InputError("--longer: expected a table of runs with a flops_budget above 0")
    rows = longer[longer["flops_budget"] > 0]
    lowest = rows.groupby("flops_budget")[loss].min()
    first, last = fit.budgets[0].flops, fit.budgets[-1].flops
    unit, end = lowest.index[[0, -1]]
    within = lowest[(lowest.index >= first / 1.1) & (lowest.index <= last * 1.1)]
    name = f"sweep {rows['sweep'].iloc[0]}" if "sweep" in rows else "a longer one"
    text = (
        f"Where this lies: its compute, {style.scientific(first)} to {style.scientific(last)} "
        f"FLOPs, is {times(first / unit)} to {times(last / unit)} on the curve of {name}, "
        f"which goes on to {times(end / unit)}. "
    )
    if len(within) > 1:
        text += (
            f"There the lowest loss falls from {within.iloc[0]:.3f} to {within.iloc[-1]:.3f} over "
            f"these budgets, and to {lowest.iloc[-1]:.3f} at the end; its data are others, so "
            "falls can be compared, losses cannot."
        )
    return f'<p class="read" id="longer">{elements.escape(text)}</p>'

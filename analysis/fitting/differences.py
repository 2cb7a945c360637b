"""How exponents of one fit differ from another's."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from analysis.fitting.result import Fit
from vdit.errors import InputError

EXPONENTS = {
    "g": "L ~ C^-g",
    "alpha": "L ~ N^-alpha",
    "beta": "L ~ D^-beta",
    "a": "N* ~ C^a",
}
ENDS = (2.5, 97.5)  # percent
SAME = 0.02  # budgets within this are one, as in tables


def of_fits(fits: Mapping[str, Fit]) -> pd.DataFrame:
    """A row for each exponent of each fit, and its difference from that of the first fit.

    Columns: exponent, fit, the budgets fitted, their least and most FLOPs, value with its 95 %
    interval (low, high), difference with its own, status. Runs are not shared, so each resample of
    one fit is set against each of the other; without resamples there is no interval. InputError for
    fits of several laws.
    """
    first, *others = fits
    for name in others:
        if fits[name].law != fits[first].law:
            words = f"{fits[name].law}, that of {first} is {fits[first].law}"
            raise InputError(f"{name}: its law is {words}; expected one law")
    told = {name: _exponents(fit) for name, fit in fits.items()}
    return pd.DataFrame(
        _row(name, key, fits[name], told[name][key], told[first].get(key))
        for key in EXPONENTS
        for name in fits
        if key in told[name]
    )


def _exponents(fit):
    """{exponent: (value, interval, draws)} of its law, and of its best size."""
    laws = [(fit.entry, [key for key in EXPONENTS if key != "a"]), (fit.size_law, ["a"])]
    return {
        key: (law.parameters[key], (law.intervals or {}).get(key), (law.draws or {}).get(key))
        for law, keys in laws
        if law
        for key in keys
        if (law.parameters or {}).get(key) is not None
    }


def _row(name: str, key: str, fit: Fit, own: tuple, reference: tuple | None) -> dict[str, Any]:
    value, interval, draws = own
    flops = [b.flops for b in fit.budgets if b.estimator == fit.estimator]
    row = {"exponent": key, "fit": name, "budgets": len(flops)}
    flops = flops or [math.nan]
    row |= {"least_flops": flops[0], "most_flops": flops[-1], "value": value}
    row |= dict(zip(("low", "high"), interval or (math.nan,) * 2, strict=True))
    row |= dict.fromkeys(("difference", "difference_low", "difference_high"), math.nan)
    if reference is not None and reference is not own:
        row["difference"] = value - reference[0]
        if draws and reference[2]:
            ends = np.percentile(np.subtract.outer(draws, reference[2]), ENDS)
            row["difference_low"], row["difference_high"] = ends
    law = fit.size_law if key == "a" else fit.entry
    return row | {"status": law.status.words}


def lines(found: pd.DataFrame) -> list[str]:
    """The table for the terminal: a part for each exponent."""
    wide = max(map(len, [*found["fit"], *EXPONENTS.values()]), default=0)
    text = []
    for key, rows in found.groupby("exponent", sort=False):
        head = f"{'95 %':>28s}{'from the first':>30s}   status"
        text += ["", f"{EXPONENTS[key]:{wide}s}  budgets{head}"]
        for row in rows.itertuples():
            own = f"{row.value:.4f}{_between(row.low, row.high)}"
            other = "" if math.isnan(row.difference) else f"{row.difference:+.4f}"
            other += _between(row.difference_low, row.difference_high, "+")
            text.append(f"{row.fit:{wide}s}  {row.budgets:7d}{own:>28s}{other:>30s}   {row.status}")
    return text[1:]


def unlike(found: pd.DataFrame) -> list[str]:
    """What is to be said of fits that do not span the compute of the first."""
    ends = found.drop_duplicates("fit").set_index("fit")[["least_flops", "most_flops"]]
    first = ends.iloc[0]
    return [
        f"{name}: from {one.least_flops:.3g} to {one.most_flops:.3g} FLOPs, {ends.index[0]} from "
        f"{first.least_flops:.3g} to {first.most_flops:.3g}: a curve that bends has other exponents"
        for name, one in ends.iloc[1:].iterrows()
        if not np.allclose(one, first, rtol=SAME, equal_nan=True)
    ]


def _between(low, high, sign=""):
    return "" if math.isnan(low) else f" ({low:{sign}.4f} to {high:{sign}.4f})"

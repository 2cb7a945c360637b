"""The best learning rate of each width, and how it moves with the width.

Log loss is a parabola in log rate near its minimum (`laws.surface`); the minima's intervals are
Student's, with the scatter about all parabolas as the noise of one run.
"""

from typing import Any

import numpy as np
import pandas as pd

from analysis.engine import student
from analysis.laws import surface
from analysis.table import hygiene, schema
from vdit.errors import InputError

# What enters a parabola: rates within this factor of the best, whose mean loss is within that one.
# Just above the best rates runs collapse; a parabola through such a run misses the minimum.
NEAR, HIGH = 4.0, 1.3
ROUND = 1e-6


def fit(table: pd.DataFrame, loss: str = "loss_ema", name: str = "table") -> dict[str, Any]:
    """Best rates by parameterisation and width: {"cells", "noise", "laws", "rows"}.

    A law is lr* ~ width^exponent, weighted by how well each minimum is known; `costs` is the share
    of loss that the narrowest model's best rate costs the widest, on the rates that were run.
    Rows whose schedule had not ended are left out.
    """
    for column in ("lr", "width", loss):
        schema.require_number(table, column, name)
    if "parameterization" not in table.columns:
        raise InputError(f"{name}: missing column 'parameterization', expected sp or mup")
    table = table[hygiene.annealed(table)]
    schema.comparable(table, name)
    groups = dict(list(table.groupby(["parameterization", "width"])))
    cells = {key: _cell(rows, loss) for key, rows in groups.items()}
    noise = _noise(cells.values())
    kinds = sorted({kind for kind, _ in cells}, reverse=True)  # sp first
    return {
        "rows": len(table),
        "noise": noise and {"sd": noise[0], "df": noise[1]},
        "cells": [
            {"parameterization": kind, **cell.as_dict(noise)} for (kind, _), cell in cells.items()
        ],
        "laws": {kind: _law(kind, cells, groups, noise, loss) for kind in kinds},
    }


def near(rows: pd.DataFrame, loss: str) -> pd.DataFrame:
    """The rows whose rate is near that of the lowest mean loss, and their mean loss near it."""
    mean = means(rows, loss)
    sound = mean[mean < mean.min() + np.log(HIGH)].index
    close = np.abs(np.log(rows["lr"] / mean.idxmin())) < np.log(NEAR) + ROUND
    return rows[close & rows["lr"].isin(sound)]


def means(rows: pd.DataFrame, loss: str) -> pd.Series:
    """Mean log loss over seeds, by rate."""
    return np.log(rows[loss]).groupby(rows["lr"]).mean()


def _cell(rows, loss):
    chosen = near(rows, loss)
    where = {"width": int(rows["width"].iloc[0])}
    return surface.fit(where, chosen["lr"], np.ones(len(chosen)), chosen[loss])


def _noise(cells):
    """(sd, df) of log loss about the parabolas; at the base width both are the same runs."""
    rest, df = np.sum(sorted({(cell.rest, cell.df) for cell in cells}), axis=0)
    return (float(np.sqrt(rest / df)), int(df)) if df else None


def _law(kind, cells, groups, noise, loss):
    widths = sorted(width for its, width in cells if its == kind)
    costs = _costs(groups[kind, widths[0]], groups[kind, widths[-1]], loss)
    known = [cells[kind, width] for width in widths if cells[kind, width].optimum]
    if len(known) < 2 or noise is None:
        return {"status": f"{len(known)} of {len(widths)} minima inside", "costs": costs}
    x, y, sd = np.array(
        [[np.log(c.where["width"]), c.optimum["lr"], noise[0] * c.slope["lr"]] for c in known]
    ).T
    weight = 1 / sd**2
    x = x - np.average(x, weights=weight)
    information = (weight * x**2).sum()
    exponent = (weight * x * y).sum() / information
    reach = student.quantile(noise[1]) / np.sqrt(information)
    return {
        "status": f"{len(known)} of {len(widths)} minima inside",
        "exponent": float(exponent),
        "interval": [float(exponent - reach), float(exponent + reach)],
        "costs": costs,
    }


def _costs(narrow, wide, loss):
    """Share of loss that the narrowest's best rate costs the widest; None where it was not run."""
    rate, found = means(narrow, loss).idxmin(), means(wide, loss)
    return float(np.expm1(found[rate] - found.min())) if rate in found.index else None

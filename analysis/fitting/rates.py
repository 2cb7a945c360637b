"""The best learning rate of each width, and how it moves with the width.

Widths of one parameterisation share the shape of their valley of log loss (`laws.valley`), which
runs above a cliff don't enter; intervals are Student's, with the scatter about the valleys.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from analysis.engine import student
from analysis.laws import cells, valley
from analysis.laws.settings import Settings
from analysis.laws.valley import Valley
from analysis.table import hygiene, schema
from vdit.errors import InputError

POINTS = 60  # of a curve to draw


def fit(table: pd.DataFrame, loss: str = "loss_ema", name: str = "table") -> dict[str, Any]:
    """Best rates by parameterisation and width: {"cells", "noise", "laws", "rows"}.

    A law is lr* ~ width^exponent through all runs near the best ones; `costs` is the share of loss
    that the narrowest model's best rate costs the widest, on the rates that were run.
    Rows whose schedule had not ended are left out.
    """
    for column in ("lr", "width", loss):
        schema.require_number(table, column, name)
    if "parameterization" not in table.columns:
        raise InputError(f"{name}: missing column 'parameterization', expected sp or mup")
    table = table[hygiene.annealed(table)]
    schema.comparable(table, name)
    kinds = sorted(table["parameterization"].unique(), reverse=True)  # sp first
    rows = {kind: table[table["parameterization"] == kind] for kind in kinds}
    fits = {kind: _fit(rows[kind], loss) for kind in kinds}
    noise = _noise([fitted.own for fitted in fits.values()])
    found = {kind: _cells(fits[kind], noise) for kind in kinds}
    laws = {kind: _law(fits[kind].law, found[kind], noise) for kind in kinds}
    return {
        "rows": len(table),
        "noise": noise,
        "cells": [{"parameterization": kind, **c} for kind in kinds[::-1] for c in found[kind]],
        "laws": {kind: laws[kind] | {"costs": _costs(rows[kind], loss)} for kind in kinds},
    }


def means(rows: pd.DataFrame, loss: str) -> pd.Series:
    """Mean log loss over seeds, by rate."""
    return np.log(rows[loss]).groupby(rows["lr"]).mean()


@dataclass(frozen=True)
class _Widths:
    """The runs of one parameterisation, and their valleys."""

    runs: Settings
    cell: np.ndarray  # (R,), a width each
    x: np.ndarray  # log rates (R, 1)
    law: Valley | None  # its floor is a power law of width
    own: Valley | None  # each width has a best of its own
    best: np.ndarray | None  # (C, 1) log best rates by the law


def _fit(rows, loss):
    width, lr, values = (rows[name].to_numpy(float) for name in ("width", "lr", loss))
    runs = Settings({"width": width}, lr, np.ones(len(lr)), values, np.arange(len(lr)))
    cell, x, y = runs.cells(), np.log(lr)[:, None], np.log(values)
    logs = np.log(runs.where(cell)["width"])
    each, z = np.eye(len(logs)), np.stack([np.ones(len(logs)), logs - logs.mean()], axis=1)
    law = valley.fit(x, y, cell, z[cell]) if len(logs) > 1 else None
    if law and law.sound:
        own = valley.at(x, y, cell, each[cell], law.near)
        return _Widths(runs, cell, x, law, own, z @ law.position.T)
    return _Widths(runs, cell, x, None, valley.fit(x, y, cell, each[cell]), None)


def _cells(its, noise):
    """Each width for JSON, and the `curve` of its valley over the rates that entered it."""
    found = []
    described = cells.describe(its.runs, its.cell, ("lr",), its.x, its.own, its.best)
    for c, cell in enumerate(described):
        found.append({**cell.as_dict(noise), "width": int(cell.where["width"])})
        if cell.best:
            near = its.x[its.own.near & (its.cell == c)]
            x = np.linspace(near.min(), near.max(), POINTS)
            rise = its.own.rise(x[:, None] - cell.best["lr"])
            found[-1]["curve"] = {"lr": np.exp(x), "loss": cell.loss * np.exp(rise)}
    return found


def _noise(valleys):
    """{"sd", "df"} of log loss about the valleys; at the base width both are the same runs."""
    known = {(own.noise, own.df) for own in valleys if own and own.sound and own.df > 0}
    if not known:
        return None
    sd, df = np.array(list(known)).T
    return {"sd": float(np.sqrt((sd**2 * df).sum() / df.sum())), "df": int(df.sum())}


def _law(law, cells, noise):
    inside = f"{sum('lr' in cell for cell in cells)} of {len(cells)} minima inside"
    if law is None or noise is None:
        return {"status": inside}
    exponent = law.position[0, 1]
    reach = law.errors[0, 1] * noise["sd"] * student.quantile(noise["df"])
    between = [float(exponent - reach), float(exponent + reach)]
    return {"status": inside, "exponent": float(exponent), "interval": between}


def _costs(rows, loss):
    """Share of loss that the narrowest's best rate costs the widest; None where it was not run."""
    ends = rows["width"].min(), rows["width"].max()
    narrow, wide = (means(rows[rows["width"] == end], loss) for end in ends)
    rate = narrow.idxmin()
    return float(np.expm1(wide[rate] - wide.min())) if rate in wide.index else None

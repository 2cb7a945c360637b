"""The best learning rate of each width, and how it moves with the width.

Widths of one parameterisation share the shape of their valley of log loss (`laws.valley`), which
runs above a cliff don't enter; intervals are Student's, with the scatter about the valleys.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from analysis.engine import student
from analysis.laws import cells, valley
from analysis.laws.cells import Cell, Noise
from analysis.laws.settings import Settings
from analysis.laws.valley import Valley
from analysis.table import hygiene, schema

POINTS = 60  # of a curve to draw
KINDS = ("sp", "mup")  # in the order they are shown
ASSUMED = f"no column 'parameterization': all rows are taken for {KINDS[0]}"


@dataclass(frozen=True)
class Width:
    """The best rate of one width; `curve` (2, POINTS) of rates and losses that its valley has."""

    parameterization: str
    width: int
    cell: Cell
    interval: list[float] | None  # of the best rate
    curve: np.ndarray | None

    @property
    def lr(self) -> float | None:
        """The best rate; None where it does not lie inside the runs."""
        return float(np.exp(self.cell.best["lr"])) if self.cell.best else None


@dataclass(frozen=True)
class RateLaw:
    """lr* ~ width^exponent through all runs near the best ones.

    `costs` is the share of loss that the narrowest model's best rate costs the widest, on the rates
    that were run; None where it was not run.
    """

    status: str
    costs: float | None
    exponent: float | None = None
    interval: list[float] | None = None


@dataclass(frozen=True)
class Rates:
    """Best rates by parameterisation and width, of `rows` runs."""

    rows: int
    noise: Noise | None  # of log loss about the valleys
    cells: tuple[Width, ...]
    laws: dict[str, RateLaw]  # by parameterisation


def parameterized(table: pd.DataFrame) -> pd.DataFrame:
    """The table, with a column that says `ASSUMED` where it has none."""
    if "parameterization" in table.columns:
        return table
    return table.assign(parameterization=KINDS[0])


def fit(table: pd.DataFrame, loss: str = "loss_ema", name: str = "table") -> Rates:
    """The best rates of a table; rows whose schedule had not ended are left out."""
    for column in ("lr", "width", loss):
        schema.require_number(table, column, name)
    table = parameterized(table)
    table = table[hygiene.annealed(table)]
    schema.comparable(table, name)
    kinds = sorted(table["parameterization"].unique(), reverse=True)  # sp first
    rows = {kind: table[table["parameterization"] == kind] for kind in kinds}
    fits = {kind: _fit(rows[kind], loss) for kind in kinds}
    noise = _noise([fitted.own for fitted in fits.values()])
    found = {kind: _cells(kind, fits[kind], noise) for kind in kinds}
    laws = {
        kind: _law(fits[kind].law, found[kind], noise, _costs(rows[kind], loss)) for kind in kinds
    }
    return Rates(len(table), noise, tuple(c for kind in kinds[::-1] for c in found[kind]), laws)


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


def _cells(kind, its, noise):
    """Each width, with the curve of its valley over the rates that entered it."""
    described = cells.describe(its.runs, its.cell, ("lr",), its.x, its.own, its.best)
    return [_width(kind, its, noise, c, cell) for c, cell in enumerate(described)]


def _width(kind, its, noise, c, cell):
    interval = curve = None
    if cell.best:
        interval = noise and cell.interval("lr", noise)
        near = its.x[its.own.near & (its.cell == c)]
        x = np.linspace(near.min(), near.max(), POINTS)
        rise = its.own.rise(x[:, None] - cell.best["lr"])
        curve = np.stack([np.exp(x), cell.loss * np.exp(rise)])
    return Width(kind, int(cell.where["width"]), cell, interval, curve)


def _noise(valleys):
    """Of log loss about the valleys; at the base width both are the same runs."""
    known = {(own.noise, own.df) for own in valleys if own and own.sound and own.df > 0}
    if not known:
        return None
    sd, df = np.array(list(known)).T
    return Noise(float(np.sqrt((sd**2 * df).sum() / df.sum())), int(df.sum()))


def _law(law, widths, noise, costs):
    inside = f"{sum(bool(one.cell.best) for one in widths)} of {len(widths)} minima inside"
    if law is None or noise is None:
        return RateLaw(inside, costs)
    exponent = float(law.position[0, 1])
    reach = float(law.errors[0, 1] * noise.sd * student.quantile(noise.df))
    return RateLaw(inside, costs, exponent, [exponent - reach, exponent + reach])


def _costs(rows, loss):
    """Share of loss that the narrowest's best rate costs the widest; None where it was not run."""
    ends = rows["width"].min(), rows["width"].max()
    narrow, wide = (means(rows[rows["width"] == end], loss) for end in ends)
    rate = narrow.idxmin()
    return float(np.expm1(wide[rate] - wide.min())) if rate in wide.index else None

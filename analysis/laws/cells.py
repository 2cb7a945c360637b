"""Cells of a table of learning rates and batches as people read them: the best setting of each, and
the runs that diverged."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from analysis.engine.student import quantile
from analysis.laws import shape, valley
from analysis.laws.settings import Settings
from analysis.laws.valley import Valley

AXES = ("lr", "batch")


@dataclass(frozen=True)
class Noise:
    """Of log loss about a valley."""

    sd: float
    df: int


@dataclass(frozen=True)
class Cell:
    """Runs of one size and one amount of data, and the bottom of the valley among them."""

    where: dict[str, float]  # of inputs, such as {"params": 1e9, "tokens": 4e9}
    rows: int
    used: int  # that lie in the valley's window
    reason: str  # "" where the best setting lies inside the runs
    best_run: dict[str, float]  # the best run's setting by axis
    best: dict[str, float]  # log of the best setting by axis; {} unless inside
    errors: dict[str, float]  # sd of `best` by axis over sd of log loss
    loss: float | None  # at the bottom; None unless inside

    def interval(self, axis: str, noise: Noise) -> list[float]:
        """Of the best setting, 95 %, where it is inside."""
        spread = noise.sd * self.errors[axis] * quantile(noise.df)
        value = self.best[axis]
        return np.exp([value - spread, value + spread]).tolist()

    def line(self, noise: Noise | None = None) -> str:
        """For the terminal."""
        told = []
        for axis, value in self.best.items():
            ends = " [{:.3g}, {:.3g}]".format(*self.interval(axis, noise)) if noise else ""
            told.append(f"{axis} {np.exp(value):.3g}{ends}")
        at = ", ".join(f"{name} {value:.3g}" for name, value in self.where.items())
        return f"  {at}: {self.reason or ', '.join(told)}"

    def as_dict(self, noise: Noise | None = None) -> dict[str, Any]:
        """For JSON, each axis by its name; `noise` gives intervals."""
        found = {**self.where, "rows": self.rows, "used": self.used}
        found |= {"status": self.reason or "inside", "loss": self.loss}
        found |= {f"best_run_{axis}": value for axis, value in self.best_run.items()}
        for axis, value in self.best.items():
            found[axis] = float(np.exp(value))
            if noise:
                found[f"{axis}_interval"] = self.interval(axis, noise)
        return found


@dataclass(frozen=True)
class Diverged:
    """A run that is left out, and why."""

    row: int  # from 0, among the rows that were given
    lr: float
    batch: float
    loss: float | None
    words: str
    name: str = ""  # of the row in the user's table, where it is one


def swept(runs: Settings, cell: np.ndarray) -> tuple[tuple[str, ...], np.ndarray]:
    """(axes that vary within some cell, their log settings (R, A))."""
    logs = np.log(np.stack([runs.lr, runs.batch], axis=1))
    spans = [np.ptp(logs[cell == c], axis=0) for c in range(cell.max() + 1)]
    varies = np.max(spans, axis=0) > shape.SAME
    return tuple(axis for axis, there in zip(AXES, varies, strict=True) if there), logs[:, varies]


def describe(
    runs: Settings,
    cell: np.ndarray,
    axes: Sequence[str],
    x: np.ndarray,
    own: Valley | None,
    law: np.ndarray | None = None,
) -> list[Cell]:
    """A Cell for each label of `cell` (R,), by the valley `own` in which each has its own best.

    law: log best settings (C, A) by a law, of cells with too few runs near them to have their own.
    """
    where, found = runs.where(cell), []
    for c in range(cell.max() + 1):
        rows, at = cell == c, {name: float(values[c]) for name, values in where.items()}
        reason = _reason(x[rows], axes, own, rows, c)
        if law is not None and reason == _few(axes):
            reason = edge(x[rows], axes, law[c]) or reason
        found.append(_cell(at, runs.loss[rows], rows, axes, x[rows], own, reason, c))
    return found


def _cell(where, loss, rows, axes, x, own, reason, c):
    inside = () if reason else axes
    return Cell(
        where=where,
        rows=len(loss),
        used=0 if own is None else int(own.near[rows].sum()),
        reason=reason,
        best_run=dict(zip(axes, np.exp(x[np.argmin(loss)]).tolist(), strict=True)),
        best={axis: float(own.position[i, c]) for i, axis in enumerate(inside)},
        errors={axis: float(own.errors[i, c]) for i, axis in enumerate(inside)},
        loss=None if reason else float(np.exp(own.level[c])),
    )


def _reason(x, axes, own, rows, c):
    """Why a cell with log settings `x` has no best setting inside; "" where it has."""
    if not len(axes) or (np.ptp(x, axis=0) <= shape.SAME).all():
        return "no sweep: one learning rate and one batch"
    near = x[own.near[rows]] if own else x[:0]
    if not len(near) or (np.ptp(near, axis=0) <= shape.SAME).any():
        return _few(axes)
    if not own.sound:
        return "no minimum: the surface is a saddle, a ridge or a maximum"
    return edge(x, axes, own.position[:, c])


def _few(axes):
    return f"no surface: too few settings of {' and '.join(axes)} to bend in each"


def edge(x: np.ndarray, axes: Sequence[str], best: np.ndarray) -> str:
    """At which ends of log settings x (R, A) the best ones (A,) lie; "" inside."""
    low, high = best < x.min(0), best > x.max(0)
    ends = [
        f"{'below the smallest' if low[i] else 'above the largest'} {axis}"
        for i, axis in enumerate(axes)
        if low[i] or high[i]
    ]
    return f"at the edge: the minimum lies {' and '.join(ends)}" if ends else ""


def diverged(runs: Settings, known: np.ndarray, cell: np.ndarray, own: Valley | None) -> list:
    """Every Diverged run of `runs`; `cell` and `own` are of those whose loss is `known` (R,)."""
    lost = [(row, "without a loss that is a number") for row in np.flatnonzero(~known)]
    y, lr = np.log(runs.loss[known]), runs.lr[known]
    above = y - valley.lowest(y, cell)
    best = np.array([lr[cell == c][np.argmin(y[cell == c])] for c in range(cell.max() + 1)])
    words = "collapsed at a rate above the best: {:.2g} times the best loss of its cell"
    collapsed = (above > valley.WIDEST) & (lr > best[cell])
    cliff = np.zeros(len(y), bool) if own is None else own.cliff & ~collapsed
    at = np.flatnonzero(known)
    lost += [(at[i], words.format(np.exp(above[i]))) for i in np.flatnonzero(collapsed)]
    words = "on a cliff, unlike the runs around it: {:.1%} above the best loss of its cell"
    lost += [(at[i], words.format(np.expm1(above[i]))) for i in np.flatnonzero(cliff)]
    return [
        Diverged(
            int(row),
            float(runs.lr[row]),
            float(runs.batch[row]),
            float(runs.loss[row]) if known[row] else None,
            said,
        )
        for row, said in sorted(lost)
    ]

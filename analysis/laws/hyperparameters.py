"""Optimal learning rate and batch as power laws of size and data, or of compute.

lr*(N, D) = k N^a D^b and batch*(N, D) = k N^a D^b (Step Law, 2503.04715; for video DiTs Yin et al.,
2411.17470), fitted to all runs at once as the floor of one valley of log loss (`valley`), so that
what a mistuned rate costs is known with it. Each (N, D), or each C, is a cell. A law is only as
certain as the cells agree: its intervals leave out a cell at a time (jackknife, Student's t).

    fit(table, columns)   columns: {"params": "N", "tokens": "T", "lr": "lr", "batch": "B",
                          "loss": "loss"}: a role's column; "flops" in place of params and tokens
    predict(result, {"params": 1e9, "tokens": 2e10})   of such a result as a dict
"""

from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from analysis.laws import cells as described
from analysis.laws import floor as fitted
from analysis.laws import loglinear, settings, valley
from analysis.laws.cells import Cell, Diverged
from analysis.laws.loglinear import LogLinear
from analysis.laws.method import Method
from analysis.table import columns as numbered

if TYPE_CHECKING:
    from analysis.fitting.entry import Options
    from analysis.fitting.rows import Rows

ROLES = ("params", "tokens", "flops", "lr", "batch", "loss")


@dataclass(frozen=True)
class Hyperparameters:
    """The laws of learning rate and batch, and the cells and runs that they rest on."""

    n: int
    inputs: tuple[str, ...]
    laws: dict[str, LogLinear]  # by axis, of those that could be fitted
    said: dict[str, str]  # by axis: how many cells have an optimum inside, what is missing
    cells: tuple[Cell, ...]
    noise: dict[str, float] | None  # {"sd", "df"} of log loss about the valley
    costs: dict[str, dict[str, float]]  # share of loss lost at half and double of each best setting
    diverged: tuple[Diverged, ...]

    def as_dict(self) -> dict[str, Any]:
        """The entry of fit.json."""
        word = "converged" if self.laws else "not identified"
        gone = [f"{len(self.diverged)} of {self.n} runs diverged"] if self.diverged else []
        return {
            "law": "hyperparameters",
            "n": self.n,
            "inputs": list(self.inputs),
            "parameters": self._flat(LogLinear.parameters),
            "intervals": self._flat(LogLinear.intervals),
            "derived": {},
            "status": {"word": word, "words": f"{word}: {'; '.join([*self.said.values(), *gone])}"},
            "noise": self.noise,
            "costs": self.costs,
            "cells": [cell.as_dict(self.noise) for cell in self.cells],
            "diverged": [run.as_dict() for run in self.diverged],
            "laws": {axis: law.as_dict() for axis, law in self.laws.items()},
        }

    def _flat(self, part):
        return {f"{axis}_{k}": v for axis, law in self.laws.items() for k, v in part(law).items()}


def fit(
    table: pd.DataFrame,
    columns: Mapping[str, str] | None = None,
    inputs: Sequence[str] | None = None,
    group: Sequence[Hashable] | None = None,
) -> Hyperparameters:
    """The laws of learning rate and batch from a table of runs.

    inputs: ("params", "tokens"), ("params",), ("tokens",) or ("flops",); None for what is there.
    group: the run of each row (each its own). Cells that share runs, as those of its checkpoints
    do, count as one measurement of a law, and the rows of a run as one of the noise.

    A loss that is not a number, a run above a cliff: `diverged` names it. InputError names a column
    that is missing or not positive.
    """
    runs = settings.read(table, columns, inputs, group)
    known = np.isfinite(runs.loss)
    sound = runs.take(known)
    cell = sound.cells()
    axes, x = described.swept(sound, cell)
    y, apart = np.log(sound.loss), settings.apart(cell, sound.run)
    floor = _floor(axes, x, y, cell, sound.where(cell), apart)
    own = _own(axes, x, y, cell, floor)
    found = described.describe(sound, cell, axes, x, own, floor and floor.best)
    said, told = _said(axes, x, cell, sound.where(cell), found, floor)
    return Hyperparameters(
        len(runs.loss),
        tuple(runs.inputs),
        _laws(axes, floor, found) if told else {},
        said,
        tuple(found),
        _noise(own, len(np.unique(sound.run)) / len(y)),
        _costs(axes, floor.valley if told else own),
        tuple(described.diverged(runs, known, cell, floor.valley if floor else own)),
    )


def predict(result: dict[str, Any], inputs: Mapping[str, float]) -> dict[str, dict[str, Any]]:
    """{"lr": {"value", "interval"}, "batch": ...} at inputs by role; only what was fitted."""
    found = {}
    for axis, law in result["laws"].items():
        value, interval = loglinear.from_dict(law).predict(inputs)
        found[axis] = {"value": value, "interval": interval}
    return found


def lines(result: dict[str, Any]) -> list[str]:
    """What a mistuned setting costs and how many runs diverged, for people."""
    text = []
    for axis, cost in result["costs"].items():
        line = (
            f"  {axis}: half the best costs {cost['half']:.2%} of loss, double {cost['double']:.2%}"
        )
        if "one_percent" in cost:
            line += f"; {cost['one_percent']:.2g} times costs 1 % with the rate retuned"
        text.append(line)
    gone = Counter(run["words"].split(":")[0] for run in result["diverged"])
    text += [f"  {count} runs left out, {words}" for words, count in gone.items()]
    return text


def _laws(axes, floor, found):
    """{axis: LogLinear}, with the scatter of the cells' own best settings about it."""
    inside = [c for c, cell in enumerate(found) if not cell.reason]
    free = max(len(inside) - floor.valley.position.shape[1], 1)
    laws = {}
    for i, axis in enumerate(axes):
        off = np.array([found[c].best[axis] - floor.best[c, i] for c in inside])
        laws[axis] = replace(floor.laws[i], scatter=float(np.sqrt(off @ off / free)))
    return laws


def _noise(own, share):
    """Of log loss about the valley; `share`: how many runs there are for a row."""
    if own is None or not own.sound or own.df < 1:
        return None
    return {"sd": own.noise, "df": max(int(share * own.df), 1)}


def _costs(axes, floor):
    """What half and double the best setting cost, and which larger batch costs 1 %, rate retuned.

    The last is a critical batch in the sense of 1812.06162: how far steps can be traded for batch.
    """
    if floor is None or not floor.sound:
        return {}
    step = np.log(2) * np.eye(len(axes))
    half, double = (np.expm1(floor.rise(sign * step)) for sign in (-1, 1))
    found = {
        axis: {"half": float(half[i]), "double": float(double[i])} for i, axis in enumerate(axes)
    }
    if "batch" in axes:
        alone = 1 / np.linalg.inv(floor.bend)[-1, -1]
        found["batch"]["one_percent"] = float(np.exp(np.sqrt(2 * np.log(1.01) / alone)))
    return found


def _own(axes, x, y, cell, floor):
    """The Valley in which each cell has a best of its own: of the runs that the laws rest on."""
    each = np.eye(cell.max() + 1)[cell]
    if floor:
        return valley.at(x, y, cell, each, floor.valley.near)
    return valley.fit(x, y, cell, each) if axes else None


def _floor(axes, x, y, cell, where, apart):
    """The Floor of the inputs that vary; None where there is none."""
    free = _free(where)
    return fitted.fit(x, y, cell, free, apart) if axes and free else None


def _free(where):
    return {name: v for name, v in where.items() if np.ptp(np.log(v)) > settings.SAME}


def _said(axes, x, cell, where, found, floor):
    """({axis: how far its law is told}, whether it is): by one cell more than it has coefficients,
    whose best settings, by the law, lie inside their runs."""
    free = _free(where)
    inside = [not each.reason for each in found]
    if floor:
        inside = [not described.edge(x[cell == c], axes, v) for c, v in enumerate(floor.best)]
    count, least = sum(inside), max(len(free), 1) + 2
    told = floor is not None and count >= least
    words = f"{count} of {len(found)} cells have an optimum inside"
    if count < least:
        words += f", a law in {' and '.join(free or where)} needs {least}"
    elif not told:
        words += f"; they do not tell {' and '.join(free)} apart"
    elif len(free) < len(where):
        words += f"; {' and '.join(where.keys() - free)} never varied, exponent unknown"
    if told and not floor.valley.crossed:
        words += "; no run differs in lr and batch both: best beside the other's, without interval"
    none = "no two runs of one cell differ in it"
    return {a: f"{a}: {words if a in axes else none}" for a in described.AXES}, told


def of_rows(rows: "Rows", part: dict[str, Any], options: "Options") -> dict[str, Any]:
    """The laws of the rows of `analysis.fit`."""
    numbers = {r: numbered.numbers(rows.fitted, r) for r in ROLES if r in rows.fitted}
    table = rows.fitted.assign(**numbers)
    found = fit(table, dict(zip(numbers, numbers, strict=True)), group=rows.cluster()).as_dict()
    return found | {"lines": lines(found)}


LAW = Method("hyperparameters", ("flops", "lr"), of_rows)

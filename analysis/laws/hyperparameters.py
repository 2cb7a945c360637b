"""Optimal learning rate and batch as power laws of size and data, or of compute.

lr*(N, D) = k N^a D^b and batch*(N, D) = k N^a D^b (Step Law, 2503.04715; for video DiTs Yin et al.,
2411.17470). Each (N, D), or each C, is a cell: a quadratic surface through its runs gives its
optimum (`surface`), and log-linear laws go through the optima with t intervals (`loglinear`).

    fit(table, columns)   columns: {"params": "N", "tokens": "T", "lr": "lr", "batch": "B",
                          "loss": "loss"}: a role's column; "flops" in place of params and tokens
    predict(result, {"params": 1e9, "tokens": 2e10})   of such a result
"""

from collections.abc import Hashable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from analysis.laws import loglinear, settings, surface
from analysis.laws.method import Method
from analysis.table import columns as numbered
from vdit.errors import InputError

if TYPE_CHECKING:
    from analysis.fitting.entry import Options
    from analysis.fitting.rows import Rows

ROLES = ("params", "tokens", "flops", "lr", "batch", "loss")


def fit(
    table: pd.DataFrame,
    columns: Mapping[str, str] | None = None,
    inputs: Sequence[str] | None = None,
    group: Sequence[Hashable] | None = None,
) -> dict[str, Any]:
    """The laws of learning rate and batch from a table of runs; a dict for JSON.

    inputs: ("params", "tokens"), ("params",), ("tokens",) or ("flops",); None for what is there.
    group: the run of each row (each its own). Cells that share runs, as those of its checkpoints
    do, count as one measurement of a law, and the rows of a run as one of the noise.

    Returns law, n, inputs, parameters {lr_k, lr_params, lr_tokens, batch_k, ...}, intervals (95 %),
    status {word, words}, cells [{params, tokens, rows, status, lr, batch, lr_interval, ...}] and
    laws {lr: ..., batch: ...}. InputError names a column that is missing or not positive.
    """
    inputs, lr, batch, loss = settings.columns_of(table, columns, inputs)
    labels = settings.cells_of(inputs)
    runs = np.arange(len(loss)) if group is None else pd.factorize(np.asarray(group, object))[0]
    apart = settings.apart(labels, runs)
    cells, parts = [], []
    for label in range(labels.max() + 1):
        rows = labels == label
        where = {name: float(np.median(values[rows])) for name, values in inputs.items()}
        parts.append((where, lr[rows], batch[rows], loss[rows]))
        cells.append(surface.fit(*parts[-1]))
    noise = _noise(cells, len(np.unique(runs)) / len(runs))
    laws, said = {}, {}
    for axis in surface.AXES:
        at = [i for i, cell in enumerate(cells) if axis in cell.optimum]
        independent = len(np.unique(apart[at]))
        laws[axis], said[axis] = _law(axis, [cells[i] for i in at], inputs, cells, independent)
    fitted = {axis: law for axis, law in laws.items() if law}
    return {
        "law": "hyperparameters",
        "n": len(loss),
        "inputs": list(inputs),
        "parameters": _flat(fitted, loglinear.LogLinear.parameters),
        "intervals": _flat(fitted, loglinear.LogLinear.intervals),
        "derived": {},
        "status": _status(said, fitted),
        "noise": noise and {"sd": noise[0], "df": noise[1]},
        "cells": [_described(cell, part, noise) for cell, part in zip(cells, parts, strict=True)],
        "laws": {axis: law.as_dict() for axis, law in fitted.items()},
    }


def predict(result: dict[str, Any], inputs: Mapping[str, float]) -> dict[str, dict[str, Any]]:
    """{"lr": {"value", "interval"}, "batch": ...} at inputs by role; only what was fitted."""
    found = {}
    for axis, law in result["laws"].items():
        value, interval = loglinear.from_dict(law).predict(inputs)
        found[axis] = {"value": value, "interval": interval}
    return found


def _described(cell, part, noise):
    """A cell for JSON; where it has no optimum, with what each axis says alone."""
    found = cell.as_dict(noise)
    if cell.reason and len(cell.axes) == 2:
        lines = surface.alone(*part).items()
        found["alone"] = {axis: line.as_dict(noise) for axis, line in lines}
    return found


def _noise(cells, share):
    """(sd, df) of log loss about the surfaces, all cells together; None where nothing is left.

    `share`: how many runs there are for a row.
    """
    df = sum(cell.df for cell in cells)
    if not df:
        return None
    return float(np.sqrt(sum(cell.rest for cell in cells) / df)), max(int(share * df), 1)


def _law(axis, cells, inputs, every, independent):
    """LogLinear through the optima and what to say of it; None where the cells are too few."""
    spans = {name: np.log([cell.where[name] for cell in every]) for name in inputs}
    names = [name for name, logs in spans.items() if np.ptp(logs) > settings.SAME]
    fixed = [name for name in inputs if name not in names]
    if not any(axis in cell.axes for cell in every):
        return None, f"{axis}: no two runs of one cell differ in it"
    known = f"{len(cells)} of {len(every)} cells have an optimum inside"
    if not names or len(cells) < len(names) + 2:
        wanted = f"a law in {' and '.join(names or inputs)} needs {len(names or inputs) + 2}"
        return None, f"{axis}: {known}, {wanted}"
    try:
        law = loglinear.fit(
            {name: [cell.where[name] for cell in cells] for name in names},
            np.exp([cell.optimum[axis] for cell in cells]),
            independent=independent,
        )
    except InputError as error:
        return None, f"{axis}: {known}; {error}"
    constant = f"; {' and '.join(fixed)} never varied, exponent unknown" if fixed else ""
    return law, f"{axis}: {known}{constant}"


def _status(said, fitted):
    word = "converged" if fitted else "not identified"
    return {"word": word, "words": f"{word}: {'; '.join(said.values())}"}


def _flat(laws, part):
    return {f"{axis}_{k}": v for axis, law in laws.items() for k, v in part(law).items()}


def of_rows(rows: "Rows", part: dict[str, Any], options: "Options") -> dict[str, Any]:
    """The laws of the rows of `analysis.fit`."""
    numbers = {r: numbered.numbers(rows.fitted, r) for r in ROLES if r in rows.fitted}
    table = rows.fitted.assign(**numbers)
    return fit(table, dict(zip(numbers, numbers, strict=True)), group=rows.cluster())


LAW = Method("hyperparameters", ("flops", "lr"), of_rows)

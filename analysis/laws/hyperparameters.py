"""Optimal learning rate and batch as power laws of size and data, or of compute.

lr*(N, D) = k N^a D^b and batch*(N, D) = k N^a D^b (Step Law, 2503.04715; for video DiTs Yin et al.,
2411.17470). Each (N, D), or each C, is a cell: a quadratic surface through its runs gives its
optimum (`surface`), and log-linear laws go through the optima with t intervals (`loglinear`).

    fit(table, columns)   columns: {"params": "N", "tokens": "T", "lr": "lr", "batch": "B",
                          "loss": "loss"}: a role's column; "flops" in place of params and tokens
    predict(result, {"params": 1e9, "tokens": 2e10})   of such a result
"""

import numpy as np

from analysis.laws import loglinear, surface
from analysis.table import schema

SAME = 0.05  # cells: budgets round to whole steps, so inputs within this share are one input
SIZES = ("params", "tokens")


def fit(table, columns=None, inputs=None):
    """The laws of learning rate and batch from a table of runs; a dict for JSON.

    inputs: ("params", "tokens"), ("params",), ("tokens",) or ("flops",); None for what is there.

    Returns law, n, inputs, parameters {lr_k, lr_params, lr_tokens, batch_k, ...}, intervals (95 %),
    status {word, words}, cells [{params, tokens, rows, status, lr, batch, lr_interval, ...}] and
    laws {lr: ..., batch: ...}. TableError names a column that is missing or not positive.
    """
    inputs, lr, batch, loss = _columns(table, columns, inputs)
    labels = _cells(inputs)
    cells, parts = [], []
    for label in range(labels.max() + 1):
        rows = labels == label
        where = {name: float(np.median(values[rows])) for name, values in inputs.items()}
        parts.append((where, lr[rows], batch[rows], loss[rows]))
        cells.append(surface.fit(*parts[-1]))
    noise = _noise(cells)
    laws, said = {}, {}
    for axis in surface.AXES:
        laws[axis], said[axis] = _law(axis, [c for c in cells if axis in c.optimum], inputs, cells)
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


def predict(result, inputs):
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


def _columns(table, columns, roles):
    """Inputs by role, lr, batch, loss as arrays; a batch that is not there never varied."""
    named = (columns or {}).get
    name = {role: named(role) or role for role in (*SIZES, "flops", "lr", "batch", "loss")}
    roles = roles or _inputs(name, table)
    for role in (*roles, "lr", "loss"):
        schema.require_number(table, name[role])
    numbers = {role: table[name[role]].to_numpy(float) for role in (*roles, "lr", "loss")}
    batch = np.ones(len(table))
    if name["batch"] in table.columns:
        schema.require_number(table, name["batch"])
        batch = table[name["batch"]].to_numpy(float)
    lr, loss = numbers.pop("lr"), numbers.pop("loss")
    return numbers, lr, batch, loss


def _inputs(name, table):
    there = [role for role in SIZES if name[role] in table.columns]
    if len(there) < len(SIZES) and name["flops"] in table.columns:
        return ["flops"]
    if not there:
        raise schema.TableError("learning rates and batches need params and tokens, or flops")
    return there


def _cells(inputs):
    """A label for each row, (R,): rows whose inputs are all the same up to SAME share one."""
    levels = []
    for values in inputs.values():
        logs = np.log(values)
        order = np.argsort(logs)
        level = np.zeros(len(logs), int)
        level[order[1:]] = np.cumsum(np.diff(logs[order]) > SAME)
        levels.append(level)
    return np.unique(np.stack(levels, axis=1), axis=0, return_inverse=True)[1].ravel()


def _noise(cells):
    """(sd, df) of log loss about the surfaces, all cells together; None where nothing is left."""
    df = sum(cell.df for cell in cells)
    return (float(np.sqrt(sum(cell.rest for cell in cells) / df)), df) if df else None


def _law(axis, cells, inputs, every):
    """LogLinear through the optima and what to say of it; None where the cells are too few."""
    spans = {name: np.log([cell.where[name] for cell in every]) for name in inputs}
    names = [name for name, logs in spans.items() if np.ptp(logs) > SAME]
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
        )
    except schema.TableError as error:
        return None, f"{axis}: {known}; {error}"
    constant = f"; {' and '.join(fixed)} never varied, exponent unknown" if fixed else ""
    return law, f"{axis}: {known}{constant}"


def _status(said, fitted):
    word = "converged" if fitted else "not identified"
    return {"word": word, "words": f"{word}: {'; '.join(said.values())}"}


def _flat(laws, part):
    return {f"{axis}_{k}": v for axis, law in laws.items() for k, v in part(law).items()}

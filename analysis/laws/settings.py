"""A table of learning rates and batches in cells: runs of one size and one amount of data."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from analysis.table import schema
from vdit.errors import InputError

SAME = 0.05  # cells: budgets round to whole steps, so inputs within this share are one input
SIZES = ("params", "tokens")


def columns_of(
    table: pd.DataFrame, columns: Mapping[str, str] | None, roles: Sequence[str] | None
) -> tuple[dict[str, np.ndarray], np.ndarray, np.ndarray, np.ndarray]:
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
        raise InputError("learning rates and batches need params and tokens, or flops")
    return there


def cells_of(inputs: Mapping[str, np.ndarray]) -> np.ndarray:
    """A label for each row, (R,): rows whose inputs are all the same up to SAME share one."""
    levels = []
    for values in inputs.values():
        logs = np.log(values)
        order = np.argsort(logs)
        level = np.zeros(len(logs), int)
        level[order[1:]] = np.cumsum(np.diff(logs[order]) > SAME)
        levels.append(level)
    return np.unique(np.stack(levels, axis=1), axis=0, return_inverse=True)[1].ravel()


def apart(labels: np.ndarray, runs: np.ndarray) -> np.ndarray:
    """Number of each cell (C,), the same for cells that have a run in common."""
    found = np.arange(labels.max() + 1)
    for run in np.unique(runs):
        shared = np.unique(found[labels[runs == run]])
        found[np.isin(found, shared)] = shared[0]
    return found

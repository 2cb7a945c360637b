"""A table of learning rates and batches in cells: runs of one size and one amount of data."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from analysis.table import schema
from vdit.errors import InputError

SAME = 0.05  # cells: budgets round to whole steps, so inputs within this share are one input
SIZES = ("params", "tokens")


@dataclass(frozen=True)
class Settings:
    """Runs (R,) by column; inputs by role, such as {"params": (R,), "tokens": (R,)}."""

    inputs: dict[str, np.ndarray]
    lr: np.ndarray
    batch: np.ndarray  # 1 where the table has none: it never varied
    loss: np.ndarray
    run: np.ndarray  # number of the run that a row belongs to

    def take(self, rows: np.ndarray) -> "Settings":
        """The runs of a mask or of positions."""
        inputs = {role: values[rows] for role, values in self.inputs.items()}
        return Settings(inputs, *(a[rows] for a in (self.lr, self.batch, self.loss, self.run)))

    def cells(self) -> np.ndarray:
        """A label for each row, (R,): rows whose inputs are all the same up to SAME share one."""
        levels = []
        for values in self.inputs.values():
            logs = np.log(values)
            order = np.argsort(logs)
            level = np.zeros(len(logs), int)
            level[order[1:]] = np.cumsum(np.diff(logs[order]) > SAME)
            levels.append(level)
        return np.unique(np.stack(levels, axis=1), axis=0, return_inverse=True)[1].ravel()

    def where(self, cell: np.ndarray) -> dict[str, np.ndarray]:
        """The inputs of each cell, {role: (C,)}."""
        labels = range(cell.max() + 1)
        return {
            role: np.array([np.median(values[cell == c]) for c in labels])
            for role, values in self.inputs.items()
        }


def read(
    table: pd.DataFrame,
    columns: Mapping[str, str] | None = None,
    roles: Sequence[str] | None = None,
    group: Sequence | None = None,
) -> Settings:
    """The Settings of a table; `columns` by role, `roles` of the inputs, `group` the run of a row.

    A loss may be missing or infinite, where a run diverged; all else must be a positive number.
    """
    name = {role: column(role, columns) for role in (*SIZES, "flops", "lr", "batch", "loss")}
    roles = roles or _inputs(name, table)
    batch, measured = ["batch"] if name["batch"] in table.columns else [], name["loss"]
    for role in (*roles, "lr", *batch):
        schema.require_number(table, name[role])
    if measured not in table.columns:
        raise InputError(f"table: missing column {measured!r}")
    loss = pd.to_numeric(table[measured], errors="coerce").to_numpy(float)
    if not np.isfinite(loss).any():
        raise InputError(f"table: no {measured!r} is a number")
    schema.require_number(table[np.isfinite(loss)], measured)
    numbers = {role: table[name[role]].to_numpy(float) for role in (*roles, "lr", *batch)}
    run = np.arange(len(loss)) if group is None else pd.factorize(np.asarray(group, object))[0]
    lr, batch = numbers.pop("lr"), numbers.pop("batch", np.ones(len(loss)))
    return Settings(numbers, lr, batch, loss, run)


def column(role: str, columns: Mapping[str, str] | None) -> str:
    """The column of a role: the one that was named, else the role's own name."""
    return (columns or {}).get(role) or role


def _inputs(name, table):
    there = [role for role in SIZES if name[role] in table.columns]
    if len(there) < len(SIZES) and name["flops"] in table.columns:
        return ["flops"]
    if not there:
        raise InputError("learning rates and batches need params and tokens, or flops")
    return there


def apart(labels: np.ndarray, runs: np.ndarray) -> np.ndarray:
    """Number of each cell (C,), the same for cells that have a run in common."""
    found = np.arange(labels.max() + 1)
    for run in np.unique(runs):
        shared = np.unique(found[labels[runs == run]])
        found[np.isin(found, shared)] = shared[0]
    return found

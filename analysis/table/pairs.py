"""Paired errors: on the same (clip, t, noise) triples two runs differ by the model alone."""

import pathlib
import zipfile
import zlib
from collections.abc import Callable, Mapping

import numpy as np
import pandas as pd

from analysis.table import hygiene

STRATA = 10
LOSSES = "losses.npz"
# What numpy raises for a file that is no archive, is torn, or holds something else.
UNREADABLE = (OSError, ValueError, TypeError, KeyError, EOFError, zipfile.BadZipFile, zlib.error)


def losses_of(folder: pathlib.Path, tell: Callable[[str], None]) -> dict[str, np.ndarray] | None:
    """The losses of a run by triple: t, loss_ema (M,); None without, and told, where damaged."""
    path = folder / LOSSES
    if not path.is_file():
        return None
    try:
        with open(path, "rb") as file, np.load(file, allow_pickle=False) as stored:
            arrays = {name: stored[name] for name in ("t", "loss_ema")}
        if len({array.shape for array in arrays.values()}) > 1:
            raise ValueError("arrays of several lengths")
        if not all(np.isfinite(array).all() for array in arrays.values()):
            raise ValueError("not all numbers are finite")
    except UNREADABLE as error:
        tell(f"{path}: damaged ({error}), expected the losses of a run; its paired error is blank")
        return None
    return arrays


def paired_se(difference: np.ndarray, t: np.ndarray) -> float:
    """Standard error of the mean of `difference` (M,), stratified by tenths of t (M,) in [0, 1]."""
    stratum = np.clip((np.asarray(t) * STRATA).astype(int), 0, STRATA - 1)
    variance = 0.0
    for index in np.unique(stratum):
        part = difference[stratum == index]
        # One value has no spread of its own: borrow that of the whole.
        spread = part.var(ddof=1) if len(part) > 1 else difference.var()
        variance += len(part) * spread
    return float(np.sqrt(variance)) / len(difference)


def add_paired_errors(
    table: pd.DataFrame, losses: Mapping[tuple[str, int], Mapping[str, np.ndarray]]
) -> pd.DataFrame:
    """Add `loss_pair_se`: the error of each row's EMA loss minus that of the reference run.

    The reference is the row of the largest budget with the lowest EMA loss, of those whose schedule
    had ended where there are any. `losses` maps (run_id, steps) of a checkpoint to the arrays t,
    loss_ema (M,): a run's own are those of its last step. A row without the reference's triples is
    left blank.
    """
    table = table.assign(loss_pair_se=np.nan)
    at = pd.Series(list(zip(table["run_id"], table["steps"], strict=True)), table.index)
    known = table[[checkpoint in losses for checkpoint in at]]
    if known.empty or "loss_ema" not in table.columns:
        return table
    ended = hygiene.annealed(known)
    top = known[ended] if ended.any() else known
    top = top[top["flops_budget"] == top["flops_budget"].max()]
    reference = losses[at[top["loss_ema"].idxmin()]]
    for row in known.index:
        arrays = losses[at[row]]
        if np.array_equal(arrays["t"], reference["t"]):
            difference = arrays["loss_ema"] - reference["loss_ema"]
            table.loc[row, "loss_pair_se"] = paired_se(difference, reference["t"])
    return table

"""Which way a metric goes: laws are of losses, which fall; others must say what they are.

What is called a loss is believed; what is not, and rises with compute, is asked about.
"""

import numpy as np
import pandas as pd
from scipy import stats

from analysis.table import columns, names, states
from vdit.errors import InputError

FEWEST, RISES = 5, 0.5  # rows; Spearman's correlation with compute from which a metric rises
RISING = ("accuracy", "acc", "psnr", "ssim", "vbench", "clip_score", "clipscore", "win_rate")
LOSSES = ("loss", "nll", "cross_entropy", "perplexity", "ppl", "bpb", "mse")  # better when lower


def falling(roles: columns.Roles, rows: pd.DataFrame, name: str) -> None:
    """InputError if what is fitted as a loss rises with compute, unless its name says it is one."""
    column = roles.columns.get("loss")
    if column is None or any(word in names.plain(column) for word in LOSSES):
        return
    if names.plain(column) in RISING or _rises(rows):
        raise InputError(
            f"{name}: {column} rises with compute or is better when higher, laws are of losses: "
            f"--higher_is_better fits 1 - {column}, --no-higher_is_better fits it as it is, "
            f"--loss COL names another, --law metric --metric {column} predicts it from the loss"
        )


def _rises(rows):
    x = next((role for role in ("flops", "tokens", "params") if role in rows.columns), None)
    if x is None:
        return False
    against, loss = columns.numbers(rows, x), columns.numbers(rows, "loss")
    sound = np.isfinite(against + loss)
    if sound.sum() < FEWEST or not np.ptp(against[sound]) or not np.ptp(loss[sound]):
        return False
    return stats.spearmanr(against[sound], loss[sound]).statistic > RISES


def turned(values: pd.Series, column: str, name: str) -> pd.Series:
    """1 less a share that is better when higher; InputError if it is no share (0 to 1)."""
    numbers = pd.to_numeric(values, errors="coerce")
    if not numbers.dropna().between(0, 1).all():
        percent = f" (call it {column + ' (%)'!r} if it is in percent)" * bool(numbers.max() <= 100)
        raise InputError(
            f"{name}: {column} is better when higher and no share from 0 to 1{percent}, so no law "
            f"of a loss describes it: name a loss, and --law metric --metric {column}"
        )
    return 1 - numbers


def of_metric(roles: columns.Roles, higher_is_better: bool | None) -> str | None:
    """ "down" where the metric named falls with the loss, for it is better when higher; "up"; None.

    As asked for, as the records of evaluators say (NAME_lower_is_better), or by its name.
    """
    column = roles.columns.get("metric")
    if column is None:
        return None
    if higher_is_better is None:
        lower = roles.own.get(f"{column}_lower_is_better", pd.Series(dtype=object)).dropna()
        if not lower.empty:
            higher_is_better = not states.annealed(lower.head(1))[0]
        elif names.plain(column) in RISING:
            higher_is_better = True
    return {True: "down", False: "up", None: None}[higher_is_better]

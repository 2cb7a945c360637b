"""The best size of each compute budget by a score, as `frontier.minima` finds it by the loss.

A score has any sign and either direction, so it takes the place of log loss as it is, worse when
higher, stretched to the spread that log loss has over the same runs: its runs are windowed by the
same excess. Errors are of the scatter about the curves and between seeds, and hold that of clips.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from analysis.fitting.budgets import minimum_of
from analysis.fitting.result import Fit, Minimum
from analysis.frontier import minima


@dataclass(frozen=True)
class BestSize:
    """The best size of a budget; `size` is None where none is known, `why` says why."""

    flops: float
    size: float | None
    interval: tuple[float, float] | None  # of 95 %, of each budget alone; None where none is known
    why: str = ""


def best_sizes(rows: pd.DataFrame, fit: Fit, name: str, lower: bool) -> tuple[BestSize, ...]:
    """Of each budget that has the score of two runs, better when `lower` or else higher.

    A minimum outside of the sizes that were run is no answer: none is given.
    """
    size, loss = fit.columns["params"], fit.columns["loss"]
    known = rows.dropna(subset=[name, loss, size])
    known = known[known["flops_budget"] > 0]
    spread, score = np.log(known[loss].astype(float)).std(), known[name].astype(float)
    if len(known) < 2 or not score.std() > 0 or not spread > 0:
        return ()
    worse = (score - score.mean()) / score.std() * (spread if lower else -spread)
    budgets, found = minima.measure(known.assign(**{name: np.exp(worse)}), name, size)
    return of_budgets([minimum_of(b, found) for b in budgets if b.counts.sum() > 1])


def of_budgets(budgets: Sequence[Minimum]) -> tuple[BestSize, ...]:
    """The same of minima that are known, such as those of the loss."""
    return tuple(_best_size(budget) for budget in budgets)


def _best_size(minimum):
    reason = minimum.status.words if not minimum.fitted else _outside(minimum)
    if reason or minimum.estimator != "parabola":
        return BestSize(minimum.flops, None, None, reason or "too few budgets have a minimum")
    interval = minimum.size_interval and tuple(minimum.size_interval)
    return BestSize(minimum.flops, minimum.size, interval)


def _outside(minimum):
    inside = minimum.sizes[0] <= minimum.size <= minimum.sizes[-1]
    return "" if inside else "the minimum lies outside of the sizes"

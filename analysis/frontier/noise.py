"""The noise between runs that differ by the seed alone: about isoFLOP curves, and between seeds."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pandas as pd
from scipy import special

from analysis.engine.regression import Regression
from analysis.frontier.isoflop import Curves


@dataclass(frozen=True)
class Noise:
    """Spread of log loss between runs that differ by the seed alone, and where it is known from.

    `sd` in the middle of the budgets; it goes from `smallest` to `largest`. `misfit` is the chance
    of so much more scatter about the curves than between seeds, if the curves were right.
    """

    sd: float
    df: float
    smallest: float
    largest: float
    seeds_sd: float | None
    seeds_df: int
    scatter_sd: float | None
    scatter_df: int
    misfit: float | None
    relative: ClassVar = True  # to the loss
    WRITTEN: ClassVar = ("relative",)


def between_seeds(table: pd.DataFrame, loss: str, size: str) -> tuple[float, int]:
    """(sum of squares, degrees of freedom) of log loss between the seeds of one cell."""
    log_loss = np.log(table[loss].astype(float))
    cells = log_loss.groupby([table["flops_budget"], table[size]])
    return float(((log_loss - cells.transform("mean")) ** 2).sum()), len(table) - cells.ngroups


def between_runs(curves: Curves, seeds: tuple[float, int]) -> Noise | None:
    """Noise about the curves, beside that between seeds; None where neither was measured."""
    square, count = seeds
    between = float(np.sqrt(square / count)) if count else None
    found = curves.regression
    if found is None:
        if not count:
            return None
        return Noise(between, count, between, between, between, count, None, 0, None)
    smallest, largest = found.noise(np.array([-0.5, 0.5])).tolist()
    scatter = max(round(found.df) - count, 0)
    misfit = _misfit(found, seeds) if count and scatter else None
    return Noise(found.sd, found.df, smallest, largest, between, count, found.sd, scatter, misfit)


def _misfit(found: Regression, seeds: tuple[float, int]) -> float:
    """Chance of the F ratio of scatter about the curves to scatter between seeds."""
    square, count = seeds
    total = float((found.residual**2).sum())
    spare = found.df - count
    if spare <= 0 or total <= square:
        return 1.0
    ratio = (total - square) / spare / max(square / count, 1e-300)
    return float(special.fdtrc(spare, count, ratio))

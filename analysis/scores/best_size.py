"""Is the size of least loss the size of the best score?

At each budget a score is a parabola in log size, as loss is (2203.15556, approach 2). All of them
share their bend, and how far their best lies from that of the loss, the one number asked for:

    M = m_C + b u + a u^2,  u = log N - log N*(C),  best at u = -b / 2a

N*(C) is the minimum of the budget's loss, taken as known. The interval is Fieller's (1954): where
the scores hardly bend there is none.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from analysis.fitting.result import Fit
from analysis.scores.noise import level

SIZES = 3  # of a budget that tells a parabola


@dataclass(frozen=True)
class SizeFactor:
    """The best size by a score over that by the loss, at every budget, and its interval."""

    value: float
    interval: tuple[float, float]
    runs: int


def size_factor(
    rows: pd.DataFrame, fit: Fit, name: str, error: np.ndarray, lower: bool, count: int = 1
) -> SizeFactor | None:
    """Of a score with errors (R,), better when `lower` or else higher, one of `count` that share
    the level; None where its runs do not tell one."""
    least = {b.flops: b.size for b in fit.budgets if b.fitted and len(b.sizes) >= SIZES}
    score = rows[name].to_numpy(float)
    known = rows["flops_budget"].isin(least).to_numpy() & np.isfinite(error) & np.isfinite(score)
    at, sizes = rows["flops_budget"][known], rows[fit.columns["params"]][known].to_numpy(float)
    if known.sum() < 1:
        return None
    u = np.log(sizes / at.map(least).to_numpy(float))
    own = pd.get_dummies(at).to_numpy(float)
    design = np.column_stack([u, u**2, own])
    worse = score[known] if lower else -score[known]
    return _fieller(design, worse, error[known], count)


def _fieller(design, score, error, count):
    """The SizeFactor of b and a, the first two coefficients of a regression."""
    rank, (runs, terms) = np.linalg.matrix_rank(design), design.shape
    # Fewer: budgets whose scored runs are of one size or two, which tell no parabola.
    if rank < terms or rank == runs or not (error > 0).all():
        return None
    spare = runs - rank
    weighted, y = design / error[:, None], score / error
    inverse = np.linalg.pinv(weighted.T @ weighted)
    b, a = (inverse @ weighted.T @ y)[:2]
    scatter = ((y - weighted @ (inverse @ weighted.T @ y)) ** 2).sum() / spare
    covariance = inverse[:2, :2] * max(scatter, 1.0)
    square = level(count, spare) ** 2
    # The best is at u where |b + 2 a u| is within its error: a quadratic in u.
    quadratic = [
        4 * (a**2 - square * covariance[1, 1]),
        4 * (a * b - square * covariance[0, 1]),
        b**2 - square * covariance[0, 0],
    ]
    if quadratic[0] <= 0 or a <= 0:
        return None
    low, high = np.exp(np.sort(np.roots(quadratic).real)).tolist()
    return SizeFactor(float(np.exp(-b / (2 * a))), (low, high), len(score))

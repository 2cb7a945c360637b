"""Does one column rise or fall with another throughout: rank correlation, and where it turns."""

import numpy as np
from scipy import stats

from analysis.engine import student

ROUND = 1e-9  # numbers that spread by less, relative to their size, are all the same


def still(values: np.ndarray) -> bool:
    """True where `values` (R,) do not move, or there are none."""
    return not len(values) or bool(np.ptp(values) <= ROUND * np.abs(values).max())


def spearman(a: np.ndarray, b: np.ndarray, runs: int) -> tuple[float, list[float]]:
    """Rank correlation and its 95 % interval by Fisher's z (Bonett and Wright's variance)."""
    if still(a) or still(b):
        return 0.0, [-1.0, 1.0]
    rank = float(np.corrcoef(stats.rankdata(a), stats.rankdata(b))[0, 1])
    if runs < 4:
        return rank, [-1.0, 1.0]
    # Ranks in perfect order stand for anything within half a swap of neighbours.
    most = 1 - 6 / (runs * (runs**2 - 1))
    z, se = np.arctanh(np.clip(rank, -most, most)), np.sqrt((1 + rank**2 / 2) / (runs - 3))
    low, high = np.tanh([z - 1.96 * se, z + 1.96 * se])
    return rank, [float(low), float(high)]


def turn(x: np.ndarray, metric: np.ndarray, runs: int, rest: float) -> float | None:
    """The x at which `metric` turns, or None where nothing says that it does.

    It turns where a parabola's slopes at the ends of x differ in sign, each beyond its 95 %
    interval, and the parabola leaves less than `rest`, the squares a monotone law of as many
    parameters leaves: a steep monotone curve looks like a parabola too.
    """

    design = np.vander(x - x.mean(), 3)
    if np.linalg.matrix_rank(design) < 3:
        return None
    coefficients = np.linalg.lstsq(design, metric, rcond=None)[0]
    left = float(((metric - design @ coefficients) ** 2).sum())
    if left >= rest:
        return None
    covariance = left / (runs - 3) * np.linalg.inv(design.T @ design)
    ends = np.array([x.min(), x.max()]) - x.mean()
    slopes = np.stack([2 * ends, np.ones(2), np.zeros(2)], axis=1)
    steep = slopes @ coefficients
    variance = np.einsum("ij,jk,ik->i", slopes, covariance, slopes)
    unsure = student.quantile(runs - 3) * np.sqrt(variance)
    if steep[0] * steep[1] >= 0 or (np.abs(steep) <= unsure).any():
        return None
    return float(x.mean() - coefficients[1] / (2 * coefficients[0]))

"""Linear regression that outliers do not pull, with noise that may grow or fall.

Huber's M-estimate with his covariance (Robust Statistics, 1981, section 7.6). Log variance is
linear in one coordinate of the rows, by a penalised gamma regression of squared residuals. An
estimate's degrees of freedom count how well the trend is known, too (Satterthwaite, Biometrics 2,
1946).
"""

from dataclasses import dataclass

import numpy as np

BEND = 1.5  # standard deviations from which a residual counts by its sign
TREND = 2.5  # standard deviation of what is expected of log variance over the whole coordinate
MOST = 6.0  # a squared residual counts at most so many times its expectation in the trend
ITERATIONS = 15
STEP = 0.05  # of the trend, for slopes
LEAST = 1e-9  # few rows can agree by luck: a spread below this is not believed


@dataclass(frozen=True)
class Regression:
    """y = X coefficients + noise; `sd` of the noise where the coordinate is zero."""

    coefficients: np.ndarray  # (K,)
    covariance: np.ndarray  # (K, K)
    slope: np.ndarray  # (K, K) of the covariance in the trend
    sd: float
    trend: float  # of log variance over a coordinate's step of one
    trend_variance: float
    df: float
    residual: np.ndarray  # (R,)

    def noise(self, coordinate: np.ndarray) -> np.ndarray:
        """Standard deviation of the noise of one row there."""
        return self.sd * np.exp(self.trend * np.asarray(coordinate) / 2)

    def freedom(self, rows: np.ndarray) -> np.ndarray:
        """Degrees of freedom (M,) of the variances of rows @ coefficients, rows (M, K)."""
        variance = np.einsum("mk,kl,ml->m", rows, self.covariance, rows)
        moved = np.einsum("mk,kl,ml->m", rows, self.slope, rows) / np.maximum(variance, 1e-300)
        return 2 / (2 / self.df + moved**2 * self.trend_variance)


def fit(
    design: np.ndarray,
    y: np.ndarray,
    coordinate: np.ndarray,
    weight: np.ndarray | None = None,
    prior: np.ndarray | None = None,
) -> Regression | None:
    """Fit y (R,) by design (R, K); None where no row is to spare.

    coordinate (R,): what the noise may follow, within one step; weight (R,) of the rows; prior
    (K,): standard deviations about zero that are expected of coefficients, inf for none.
    """
    rows, width = design.shape
    weight = np.ones(rows) if weight is None else weight
    prior = np.full(width, np.inf) if prior is None else prior
    if rows - width < 1:
        return None
    pull, variance, trend, square = np.ones(rows), np.ones(rows), 0.0, 0.0
    for turn in range(ITERATIONS):
        base = weight / variance
        penalty = np.diag(square / prior**2)
        inverse = np.linalg.pinv(design.T * (pull * base) @ design + penalty, hermitian=True)
        coefficients = inverse @ (design.T * (pull * base) @ y)
        residual = y - design @ coefficients
        leverage = np.einsum("rk,kl,rl->r", design, inverse, design) * pull * base
        df = max(rows - leverage.sum(), 1.0)
        relative = residual / np.sqrt(variance)
        pull, square = _huber(relative, df, width)
        if np.ptp(coordinate) > 0 and turn > 1:
            u = pull * residual**2 / np.maximum(1 - leverage, 0.2)
            trend = (trend + variance_trend(u, coordinate, trend)) / 2
            variance = np.exp(trend * coordinate)
    return _described(design, coordinate, weight, prior, coefficients, residual, trend, square, df)


def _huber(relative, df, width):
    """Weights (R,) of the residuals, and the variance that the covariance takes."""
    rows = len(relative)
    size = np.abs(relative)
    scale = max(1.4826 * np.median(size) * np.sqrt(rows / df), LEAST)
    pull = np.minimum(1.0, BEND * scale / np.maximum(size, 1e-300))
    inside = max((size < BEND * scale).mean(), 0.2)
    correction = 1 + width / rows * (1 - inside) / inside
    square = correction**2 * ((pull * relative) ** 2).sum() / df / inside**2
    return pull, max(square, LEAST**2)


def variance_trend(square: np.ndarray, coordinate: np.ndarray, start: float = 0.0) -> float:
    """Slope of log variance in a coordinate (R,) from squared residuals (R,).

    A few of Newton's steps from `start`; TREND is its prior's deviation.
    """
    total, step = np.log(max(square.mean(), LEAST**2)), start
    for _ in range(10):
        ratio = np.clip(square / np.exp(total + step * coordinate), 0, MOST)
        gradient = [(ratio - 1).sum() / 2, (ratio - 1) @ coordinate / 2 - step / TREND**2]
        cross = coordinate.sum() / 2
        curvature = [
            [len(square) / 2, cross],
            [cross, coordinate @ coordinate / 2 + 1 / TREND**2],
        ]
        moved = np.linalg.solve(curvature, gradient)
        total, step = total + moved[0], step + moved[1]
    return float(step)


def _described(design, coordinate, weight, prior, coefficients, residual, trend, square, df):
    def inverse(at):
        base = weight / np.exp(at * coordinate)
        information = design.T * base @ design + np.diag(square / prior**2)
        return np.linalg.pinv(information, hermitian=True)

    slope = (inverse(trend + STEP) - inverse(trend - STEP)) / (2 * STEP)
    centred = coordinate - coordinate.mean()
    known = centred @ centred / 2 * df / len(coordinate) + 1 / TREND**2
    flat = np.ptp(coordinate) == 0
    return Regression(
        coefficients,
        square * inverse(trend),
        square * slope,
        float(np.sqrt(square)),
        trend,
        0.0 if flat else 1 / known,
        max(df - (not flat), 1.0),
        residual,
    )

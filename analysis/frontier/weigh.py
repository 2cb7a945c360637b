"""Shapes of a law are not chosen but weighed, by the minima.

By their likelihood, Student's as the noise of the minima was measured, times a prior; given a shape
k, level and slope are those of generalised least squares. What a law says is the mixture. Where the
minima scatter about a law by more than their errors, a variance is added to each (Paule and Mandel,
J. Res. NBS 87, 1982), so that a law that does not fit says little. Few budgets hardly tell it: it
is weighed with PRIOR degrees of freedom that expect none; the chance, by Bayes, that there is any
is told beside it.
"""

from dataclasses import replace
from typing import NamedTuple

import numpy as np
from scipy import optimize, special

from analysis.frontier.curve import Law, basis
from analysis.frontier.posterior import PRIOR, Posterior

ZOOMS = 3  # looks at shapes, each closer about those that count
SEEN = 18.0  # log weight below the best at which a shape stops counting
NONE = 0.5  # chance beforehand that they do
RATIOS = np.geomspace(0.02, 50.0, 200)  # errors that minima have of their own, over their runs'


class _Shapes(NamedTuple):
    """Shapes of a law (S,), each with level and slope, their covariance, and the sum of squares."""

    shape: np.ndarray
    theta: np.ndarray  # (S, 2)
    covariance: np.ndarray  # (S, 2, 2)
    rss: np.ndarray

    def joined(self, other):
        return _Shapes(*map(np.concatenate, zip(self, other, strict=True)))


def posterior(
    law: Law,
    log_c: np.ndarray,
    log_loss: np.ndarray,
    covariance: np.ndarray,
    df: float,
    own: float = 0.0,
) -> Posterior:
    """Weigh the law's shapes by minima at log compute (B,) with errors `covariance` (B, B).

    df: degrees of freedom with which the errors are known; own: the least variance that each
    minimum is taken to have besides.
    """
    if law.last:
        log_c, log_loss = log_c[-law.last :], log_loss[-law.last :]
        covariance = covariance[-law.last :, -law.last :]
    spare = len(log_c) - law.parameters
    weight, exact = _weigh(law, log_c, log_loss, covariance, df)
    chi2, extra, any_own = float(exact.rss[0]), own, 0.0
    if chi2 > spare > 0:
        found = _scatter(law, exact.shape[:1], log_c, log_loss, covariance, spare)
        any_own = _chance_of_own(chi2, spare, df)
        extra = max(extra, found * spare / (spare + PRIOR))
    if extra:
        more = covariance + extra * np.eye(len(log_c))
        weight, exact = _weigh(law, log_c, log_loss, more, df)
    said = Posterior(
        law,
        float(log_c[-1]),
        weight,
        exact.shape,
        exact.theta,
        exact.covariance,
        df=df,
        extra=extra,
        any_own=any_own,
        chi2=chi2,
        spare=spare,
        chance=float(special.fdtrc(spare, df, chi2 / spare)) if spare > 0 else 1.0,
    )
    return replace(said, df=float(said.with_own(df, np.diag(covariance).mean())))


def _chance_of_own(chi2, spare, df):
    """Chance that minima err by more than their runs, which know their noise with df.

    An error of their own, over that of the runs, is half-Cauchy (Gelman, Bayesian Analysis 1, 2006)
    if there is any; chi2 is of `spare` minima more than the law has numbers.
    """
    ratio = 1 + np.append(0.0, RATIOS) ** 2
    likely = ratio ** (-spare / 2) * (1 + chi2 / (ratio * df)) ** (-(df + spare) / 2)
    some = np.trapezoid(2 / np.pi / ratio[1:] * likely[1:], RATIOS)
    return float((1 - NONE) * some / (NONE * likely[0] + (1 - NONE) * some))


def _scatter(law, shape, log_c, log_loss, covariance, spare):
    """The variance that makes chi2 about one shape what it should be (Paule and Mandel)."""

    def over(extra):
        more = covariance + extra * np.eye(len(log_c))
        return _given(law, shape, log_c, log_loss, more).rss[0] - spare

    return float(optimize.brentq(over, 0.0, len(log_c) * np.ptp(log_loss) ** 2, rtol=1e-3))


def _weigh(law, log_c, log_loss, covariance, df):
    """(weights (S,), _Shapes), the best first."""
    if law.shapes is None:
        return np.ones(1), _given(law, np.zeros(1), log_c, log_loss, covariance)
    low, high = law.shapes
    for _ in range(ZOOMS):
        grid = law.grid(low, high)
        found = _given(law, grid, log_c, log_loss, covariance)
        weight = _log_weight(law, grid, found, len(log_c), df)
        counts = np.flatnonzero(weight > weight.max() - SEEN)
        low, high = grid[max(counts[0] - 1, 0)], grid[min(counts[-1] + 1, len(grid) - 1)]
    best = _least(law, grid, found.rss, log_c, log_loss, covariance)
    weight = np.exp(weight - weight.max())
    return np.append(0.0, weight / weight.sum()), best.joined(found)


def _log_weight(law, grid, found, points, df):
    """Log of likelihood times prior, level and slope integrated out."""
    likely = -(df + points - 2) / 2 * np.log1p(found.rss / df)
    return likely + 0.5 * np.linalg.slogdet(found.covariance)[1] + law.log_prior(grid)


def _least(law, grid, rss, log_c, log_loss, covariance):
    """The shape of the least squares, to the last digits: as `_given`, of one shape."""
    at = int(np.argmin(rss))
    ends = grid[max(at - 1, 0)], grid[min(at + 1, len(grid) - 1)]

    def cost(shape):
        return _given(law, np.array([shape]), log_c, log_loss, covariance).rss[0]

    found = optimize.minimize_scalar(cost, bounds=ends, method="bounded", options={"xatol": 1e-12})
    shape = found.x if found.fun < rss[at] else grid[at]
    return _given(law, np.array([shape]), log_c, log_loss, covariance)


def _given(law, shape, log_c, log_loss, covariance):
    """Generalised least squares of level and slope for each shape (S,)."""
    y, scale = (log_loss, 1.0) if law.logged else (np.exp(log_loss), np.exp(log_loss))
    root = np.linalg.cholesky(covariance * np.outer(scale, scale))
    u = log_c - log_c[-1]
    rows = np.linalg.solve(root, basis(shape, u))
    target = np.linalg.solve(root, y)
    information = rows.swapaxes(1, 2) @ rows
    inverse = np.linalg.inv(information)
    theta = np.einsum("stu,sbu,b->st", inverse, rows, target)
    if not law.logged:
        theta = _bounded(theta, shape, rows, target)
    rss = ((target - np.einsum("sbt,st->sb", rows, theta)) ** 2).sum(1)
    return _Shapes(shape, theta, inverse, rss)


def _bounded(theta, shape, rows, target):
    """Level and slope, with the slope and E = level - slope / g held at zero where below."""
    flat = np.stack([np.ones_like(shape), np.zeros_like(shape)], axis=1)
    alone = np.stack([np.ones_like(shape), shape], axis=1)  # slope = g level: no floor
    for direction, held in (
        (flat, theta[:, 1] < 0),
        (alone, (theta[:, 1] >= 0) & (theta[:, 0] < theta[:, 1] / shape)),
    ):
        one = np.einsum("sbt,st->sb", rows, direction)
        level = (one @ target) / (one**2).sum(1)
        theta = np.where(held[:, None], level[:, None] * direction, theta)
    return theta

"""Shapes of a law are not chosen but weighed, by the minima.

By their likelihood, Student's as the noise of the minima was measured, times a prior; given a shape
k, level and slope are those of generalised least squares. What a law says is the mixture. Where the
minima scatter about a law by more than their errors, a variance is added to each (Paule and Mandel,
J. Res. NBS 87, 1982), so that a law that does not fit says little. Few budgets hardly tell it: it
is weighed with PRIOR degrees of freedom that expect none.
"""

import numpy as np

from analysis.frontier.curve import Law, basis
from analysis.frontier.posterior import Posterior

ZOOMS = 3  # looks at shapes, each closer about those that count
SEEN = 18.0  # log weight below the best at which a shape stops counting
PRIOR = 3.0  # degrees of freedom that expect minima to scatter as their runs say


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
    exact = _weigh(law, log_c, log_loss, covariance, df)
    chi2 = float(exact["rss"][0])
    extra = own
    if chi2 > spare > 0:
        found = _scatter(law, exact["shape"][:1], log_c, log_loss, covariance, spare)
        extra = max(extra, found * spare / (spare + PRIOR))
    if extra:
        exact = _weigh(law, log_c, log_loss, covariance + extra * np.eye(len(log_c)), df)
    chance = _chance(chi2, spare, df)
    total = np.diag(covariance).mean() + extra
    share = extra / total
    known = 1 / ((1 - share) ** 2 / df + share**2 / (max(spare, 0) + PRIOR))
    parts = {name: exact[name] for name in ("weight", "shape", "theta", "covariance")}
    return Posterior(
        law, float(log_c[-1]), **parts, df=known, extra=extra, chi2=chi2, spare=spare, chance=chance
    )


def _chance(chi2, spare, df):
    from scipy import special

    return float(special.fdtrc(spare, df, chi2 / spare)) if spare > 0 else 1.0


def _scatter(law, shape, log_c, log_loss, covariance, spare):
    """The variance that makes chi2 about one shape what it should be (Paule and Mandel)."""
    from scipy import optimize

    def over(extra):
        more = covariance + extra * np.eye(len(log_c))
        return _given(law, shape, log_c, log_loss, more)["rss"][0] - spare

    return float(optimize.brentq(over, 0.0, len(log_c) * np.ptp(log_loss) ** 2, rtol=1e-3))


def _weigh(law, log_c, log_loss, covariance, df):
    """Shapes, the best first: weight, shape, theta, covariance and rss, each (S, ...)."""
    if law.shapes is None:
        found = _given(law, np.zeros(1), log_c, log_loss, covariance)
        return found | {"weight": np.ones(1)}
    low, high = law.shapes
    for _ in range(ZOOMS):
        grid = law.grid(low, high)
        found = _given(law, grid, log_c, log_loss, covariance)
        weight = _log_weight(law, grid, found, len(log_c), df)
        counts = np.flatnonzero(weight > weight.max() - SEEN)
        low, high = grid[max(counts[0] - 1, 0)], grid[min(counts[-1] + 1, len(grid) - 1)]
    best = _least(law, grid, found["rss"], log_c, log_loss, covariance)
    weight = np.exp(weight - weight.max())
    whole = {name: np.concatenate([best[name], found[name]]) for name in found}
    return whole | {"weight": np.append(0.0, weight / weight.sum())}


def _log_weight(law, grid, found, points, df):
    """Log of likelihood times prior, level and slope integrated out."""
    likely = -(df + points - 2) / 2 * np.log1p(found["rss"] / df)
    return likely + 0.5 * np.linalg.slogdet(found["covariance"])[1] + law.log_prior(grid)


def _least(law, grid, rss, log_c, log_loss, covariance):
    """The shape of the least squares, to the last digits: as `_given`, of one shape."""
    from scipy import optimize

    at = int(np.argmin(rss))
    ends = grid[max(at - 1, 0)], grid[min(at + 1, len(grid) - 1)]

    def cost(shape):
        return _given(law, np.array([shape]), log_c, log_loss, covariance)["rss"][0]

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
    return {"shape": shape, "theta": theta, "covariance": inverse, "rss": rss}


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

"""The covariance of a fit by its own residuals: a sandwich, robust to noise that is not alike.

theta - truth = H^-1 sum_g s_g, H = sum w J J', s_g the sum over the rows of one group of w J r; so
cov = H^-1 (sum_g s_g s_g') H^-1 whatever the noise of a group and how its rows hang together
(Liang and Zeger, Biometrika 73, 1986). Huber's objective and least absolute deviation do not feel
how far an outlier lies; residuals are bounded for them.
"""

import numpy as np

from analysis.engine.problem import Problem

BOUND = 3.0  # robust standard deviations of a residual that is felt in full
NOTHING = 1e-30  # a parameter that moves log loss by this is not told, and has a large error
SIGMA = 1.4826  # of a normal, in median absolute deviations


def covariance(
    problem: Problem, theta: np.ndarray, draws: np.ndarray, group: np.ndarray
) -> np.ndarray:
    """Of each theta (P, K) that was fitted to its draws (P, G) of groups, group (R,): (P, K, K)."""
    inverse, scores = _parts(problem, theta, draws, group)
    meat = (scores * draws[:, :, None]).swapaxes(1, 2) @ scores
    return inverse @ meat @ inverse


def root(problem: Problem, theta: np.ndarray, draws: np.ndarray, group: np.ndarray) -> np.ndarray:
    """What each group moves each theta by, (P, K, G): a root of the covariance.

    Where a law is told badly the covariance is lost in rounding, and gives variances below zero;
    squares of these do not.
    """
    inverse, scores = _parts(problem, theta, draws, group)
    return inverse @ (scores * np.sqrt(draws)[:, :, None]).swapaxes(1, 2)


def _parts(problem, theta, draws, group):
    """Inverse curvature (P, K, K) and the sum of each group's rows (P, G, K)."""
    log_prediction, jacobian = problem.law.log_loss(theta, problem.x)
    residual = bounded(problem, problem.log_loss - log_prediction)
    weighted = jacobian * problem.weight[:, None]
    hessian = (weighted * draws[:, group, None]).swapaxes(1, 2) @ jacobian
    return _inverse(hessian), _sums(weighted * residual[:, :, None], group)


def bounded(problem: Problem, residual: np.ndarray) -> np.ndarray:
    """Residuals (P, R) of log loss as the objective feels them; at weight one they are alike."""
    if problem.objective.name not in ("huber", "lad"):
        return residual
    size = np.abs(residual) * np.sqrt(problem.weight)
    most = np.maximum(BOUND * SIGMA * np.median(size, axis=1), problem.objective.delta)
    return residual * np.minimum(1, most[:, None] / np.maximum(size, 1e-300))


def _sums(values, group):
    """values (P, R, K) summed over the rows of each group: (P, G, K)."""
    order = np.argsort(group, kind="stable")
    first = np.searchsorted(group[order], np.arange(group.max() + 1))
    return np.add.reduceat(values[:, order], first, axis=1)


def _inverse(hessian):
    length = np.sqrt(np.einsum("pkk->pk", hessian)) + NOTHING
    scale = length[:, :, None] * length[:, None, :]
    return np.linalg.pinv(hessian / scale, hermitian=True) / scale

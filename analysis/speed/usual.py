"""The usual way to fit L = E + A N^-alpha + B D^-beta: scipy's L-BFGS-B from one start at a time.

As the notebooks of the field do it (2203.15556, appendix D.2; 2404.10102): the sum of Huber(1e-3)
on log residuals in (a, b, e, alpha, beta), A = exp a, B = exp b, E = exp e, from a grid of starts.
"""

import itertools
from collections.abc import Sequence

import numpy as np

DELTA = 1e-3
# Hoffmann et al.'s grid, appendix D.2: 6 x 6 x 5 x 5 x 5 = 4,500 starts.
LOG_A = LOG_B = np.arange(0, 26, 5.0)
LOG_E = np.arange(-1, 1.1, 0.5)
ALPHA = BETA = np.arange(0, 2.1, 0.5)
# Tight: with finite differences the gradient is not good enough for more than scipy's default.
OPTIONS = {"ftol": 1e-15, "gtol": 1e-12, "maxiter": 2000, "maxfun": 20000}


def grid() -> np.ndarray:
    """The starts (4500, 5): a, b, e, alpha, beta."""
    return np.array(list(itertools.product(LOG_A, LOG_B, LOG_E, ALPHA, BETA)))


def objective(
    theta: np.ndarray,
    log_n: np.ndarray,
    log_d: np.ndarray,
    log_loss: np.ndarray,
    weight: np.ndarray,
) -> tuple[float, np.ndarray]:
    """Sum of weight x Huber, and its gradient (5,)."""
    a, b, e, alpha, beta = theta
    terms = np.stack([a - alpha * log_n, b - beta * log_d, np.full_like(log_n, e)])
    top = terms.max(0)
    parts = np.exp(terms - top)
    total = parts.sum(0)
    residual, share = top + np.log(total) - log_loss, parts / total
    size = np.abs(residual)
    cost = np.where(size <= DELTA, 0.5 * residual**2, DELTA * (size - 0.5 * DELTA))
    pull = share * (weight * np.clip(residual, -DELTA, DELTA))
    slopes = [*pull.sum(1), -pull[0] @ log_n, -pull[1] @ log_d]
    return float(weight @ cost), np.array(slopes)


def descend(
    start: np.ndarray, rows: Sequence[np.ndarray], weight: np.ndarray, analytic: bool
) -> float:
    """The objective that L-BFGS-B reaches from `start`; rows: log N, log D, log loss."""
    from scipy import optimize

    if analytic:
        found = optimize.minimize(
            objective, start, (*rows, weight), "L-BFGS-B", jac=True, options=OPTIONS
        )
    else:
        found = optimize.minimize(
            lambda t: objective(t, *rows, weight)[0], start, method="L-BFGS-B"
        )
    return float(found.fun)

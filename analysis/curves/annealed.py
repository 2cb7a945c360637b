"""The annealing-aware law as a function, and its least squares; what it means: `annealing`."""

from dataclasses import dataclass

import numpy as np
from scipy import optimize

from analysis.curves.points import Curves

NAMES, SIZED = ("L0", "A", "alpha", "C", "memory"), ("B", "beta")
LOGGED = ("A", "memory", "B")  # in theta
EXPONENTS = np.geomspace(0.05, 1.5, 6)
MEMORIES = np.geomspace(10.0, 1e4, 4)
LOWEST = {"alpha": 1e-3, "C": 0.0, "L0": 0.0, "memory": np.log(2.0), "beta": 1e-3}
HIGHEST = {"alpha": 5.0, "memory": np.log(1e6), "beta": 5.0}


@dataclass(frozen=True)
class Scale:
    """What theta counts in: log S1 and log N from here, S2 in units of the highest rate."""

    log_s: float
    log_n: float
    rate: float


def predict(theta: np.ndarray, found: Curves, scale: Scale) -> np.ndarray:
    """Losses (R,) at theta: L0, log A, alpha, C, log memory (, log B, beta) in `scale`."""
    L0, log_a, alpha, C, log_memory = theta[:5]
    loss = L0 + np.exp(log_a - alpha * (np.log(found.sums()) - scale.log_s))
    loss -= C * found.areas(np.exp(log_memory)) / scale.rate
    if len(theta) > len(NAMES):
        loss += np.exp(theta[5] - theta[6] * (np.log(found.params) - scale.log_n))
    return loss


def scale_of(found: Curves) -> Scale:
    """The scale of the points of `found`."""
    highest = max(float(rates.max()) for rates in found.rates)
    return Scale(float(np.log(found.sums()).mean()), float(np.log(found.params).mean()), highest)


def solve(found: Curves, scale: Scale, names: tuple[str, ...]) -> tuple[np.ndarray, np.ndarray]:
    """theta of least squares of log loss, and the jacobian (R, K) there."""
    low = [LOWEST.get(name, -np.inf) for name in names]
    high = [HIGHEST.get(name, np.inf) for name in names]

    def residual(theta):
        return np.log(np.maximum(predict(theta, found, scale), 1e-9)) - np.log(found.loss)

    best = optimize.least_squares(
        residual, np.clip(_start(found, scale, names), low, high), bounds=(low, high), x_scale="jac"
    )
    return best.x, best.jac


def _start(found, scale, names):
    """The best of a grid of exponents and memories: given these the law is linear in the rest."""
    x, n = np.log(found.sums()) - scale.log_s, np.log(found.params) - scale.log_n
    best, least = None, np.inf
    for memory in MEMORIES:
        area = found.areas(memory) / scale.rate
        for alpha in EXPONENTS:
            for beta in EXPONENTS if len(names) > len(NAMES) else [None]:
                terms = [np.ones_like(x), np.exp(-alpha * x), -area]
                terms += [] if beta is None else [np.exp(-beta * n)]
                solved, rest = optimize.nnls(
                    np.stack(terms, 1) / found.loss[:, None], np.ones(len(x))
                )
                if rest < least:
                    logs = np.log(np.maximum(solved, 1e-3 * found.loss.min()))
                    best, least = [solved[0], logs[1], alpha, solved[2], np.log(memory)], rest
                    best += [] if beta is None else [logs[3], beta]
    return np.array(best)


def named(theta: np.ndarray, scale: Scale, names: tuple[str, ...]) -> np.ndarray:
    """The parameters in their own units (K,)."""
    values = np.array(theta, float)
    values[1] += theta[2] * scale.log_s
    values[3] /= scale.rate
    if len(names) > len(NAMES):
        values[5] += theta[6] * scale.log_n
    logged = np.isin(names, LOGGED)
    return np.where(logged, np.exp(np.where(logged, values, 0.0)), values)

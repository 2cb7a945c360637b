"""Least absolute deviation ends in a corner: as many rows as free parameters are met exactly.

The smoothed descent (`Objective.stages`) ends beside it, with those rows within its last delta. A
few Newton steps onto them are the exact answer, and their unknown slopes say whether it is one:
sum over all rows of w s J = 0, s the sign of the residual and, of a row that is met, in [-1, 1].
"""

import numpy as np

from analysis.engine import solve
from analysis.engine.objective import SMOOTHED
from analysis.engine.problem import Problem

STEPS = 5  # of Newton: the law is curved
MET = 1e-9  # a residual below this is none


def meet(problem: Problem, theta: np.ndarray) -> np.ndarray:
    """The corner beside theta (K,), or theta where that is no better."""
    low, high = problem.law.bounds
    inside = (theta > low) & (theta < high)
    near = np.abs(_expand(problem, theta)[0]) <= 2 * SMOOTHED[-1]
    moved = theta.copy()
    for _ in range(STEPS):
        residual, jacobian = _expand(problem, moved)
        step = np.linalg.lstsq(jacobian[near][:, inside], -residual[near], rcond=None)[0]
        moved[inside] += step
        moved = np.clip(moved, low, high)
    return moved if solve.value(problem, moved) <= solve.value(problem, theta) else theta


def pulls(problem: Problem, theta: np.ndarray) -> np.ndarray:
    """Slope of each row's cost in its log prediction (R,): of rows that are met, what balances."""
    residual, jacobian = _expand(problem, theta)
    pull = problem.weight * np.sign(residual)
    met = np.abs(residual) <= MET
    pull[met] = 0.0
    low, high = problem.law.bounds
    inside = (theta > low) & (theta < high)
    rows = (jacobian[met] * problem.weight[met, None])[:, inside].T
    slope = np.linalg.lstsq(rows, -(pull @ jacobian)[inside], rcond=None)[0]
    pull[met] = problem.weight[met] * np.clip(slope, -1, 1)
    return pull


def _expand(problem, theta):
    """Residuals (R,) and their Jacobian (R, K)."""
    log_prediction, jacobian = problem.law.log_loss(theta[None], problem.x)
    return log_prediction[0] - problem.log_loss, jacobian[0]

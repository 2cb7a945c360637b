"""The noise that residuals show, between runs and within them, and what it does to a fit."""

import numpy as np


def spread(problem, residual):
    """Standard deviations (P,) between runs and, at weight one, between rows of one run.

    residual (P, R) in log loss. Where every run is one row all is within.
    """
    rows, runs, width = len(problem.loss), problem.cluster.max() + 1, len(problem.law.parameters)
    if runs == rows:
        square = (problem.weight * residual**2).sum(1) / (rows - width)
        return np.zeros(len(residual)), np.sqrt(square)
    counts = np.bincount(problem.cluster)
    mean = residual @ (np.equal.outer(problem.cluster, np.arange(runs)) / counts)
    inner = (problem.weight * (residual - mean[:, problem.cluster]) ** 2).sum(1) / (rows - runs)
    outer = (mean**2).sum(1) / max(runs - width, 1) - inner * np.mean(1 / counts)
    return np.sqrt(np.maximum(outer, 0.0)), np.sqrt(inner)


def noise(problem, between, within, count, rng):
    """Noise of log loss (count, R)."""
    rows = rng.standard_normal((count, len(problem.loss))) / np.sqrt(problem.weight)
    runs = rng.standard_normal((count, problem.cluster.max() + 1))
    return within * rows + between * runs[:, problem.cluster]


def covariance(problem, jacobian, between, within):
    """Of theta (P, K, K) by least squares; rows of one run share their run's offset."""
    weighted = jacobian * problem.weight[:, None]
    hessian = weighted.swapaxes(1, 2) @ jacobian
    length = np.sqrt(np.einsum("pkk->pk", hessian)) + 1e-150
    scale = length[:, :, None] * length[:, None, :]
    inverse = np.linalg.pinv(hessian / scale, hermitian=True) / scale
    found = within[:, None, None] ** 2 * inverse
    if between.any():
        member = np.equal.outer(np.arange(problem.cluster.max() + 1), problem.cluster)
        shared = inverse @ (member.astype(float) @ weighted).swapaxes(1, 2)
        found = found + between[:, None, None] ** 2 * (shared @ shared.swapaxes(1, 2))
    return found

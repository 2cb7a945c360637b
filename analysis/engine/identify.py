"""Which parameters the data tell: by the law at the fit, by its inputs, by the noise."""

import itertools

import numpy as np

from analysis.engine.problem import Problem

WORST_CONDITION = 1e6  # of the Jacobian with columns of unit length
DIRECTION = 0.1  # part in a direction the data do not see from which a parameter is lost
INSENSITIVE = 1e-9  # log loss moves by less than this when the parameter moves by one
TOGETHER = 1e-6  # two inputs whose correlation is closer to one than this are one input
SINGULAR = 1e-16


def unidentified(problem: Problem, theta: np.ndarray) -> tuple[tuple[str, ...], float]:
    """Names of the parameters that are not identified, and the condition number."""
    law = problem.law
    jacobian = law.log_loss(theta[None], problem.x)[1][0] * np.sqrt(problem.weight)[:, None]
    low, high = law.bounds
    inside = (theta > low) & (theta < high)
    lost = _alike(problem) | _unseen(jacobian, inside)
    if not lost.any() and hasattr(law, "loosest"):
        lost[inside] = errors(problem, theta, jacobian[:, inside]) > law.loosest(theta)[inside]
    names = tuple(name for name, gone in zip(law.parameters, lost, strict=True) if gone)
    return names, _condition(jacobian[:, inside])


def _alike(problem):
    """Parameters of inputs that move together: their terms cannot be told apart."""
    lost = np.zeros(len(problem.law.parameters), bool)
    spread = np.linalg.norm(problem.x, axis=1)
    for i, k in itertools.combinations(np.flatnonzero(spread > 0), 2):
        likeness = abs(problem.x[i] @ problem.x[k]) / (spread[i] * spread[k])
        if likeness > 1 - TOGETHER and hasattr(problem.law, "of_input"):
            lost[[*problem.law.of_input(i), *problem.law.of_input(k)]] = True
    return lost


def _unseen(jacobian, inside):
    """Parameters that can move, alone or together, without moving a prediction."""
    length = np.linalg.norm(jacobian, axis=0)
    lost = length < INSENSITIVE
    seen = inside & ~lost
    if seen.any():
        _, singular, right = np.linalg.svd(jacobian[:, seen] / length[seen], full_matrices=False)
        weak = singular < singular[0] / WORST_CONDITION
        lost[np.flatnonzero(seen)] = (np.abs(right[weak]) > DIRECTION).any(0)
    return lost


def errors(problem: Problem, theta: np.ndarray, jacobian: np.ndarray) -> np.ndarray:
    """Rough standard errors (K,) from the median size of the residuals."""
    residual = problem.law.log_loss(theta[None], problem.x)[0][0] - problem.log_loss
    rows, width = jacobian.shape
    sd = 1.4826 * np.median(np.abs(residual)) * np.sqrt(rows / (rows - width))
    length = np.linalg.norm(jacobian, axis=0)
    inverse = np.linalg.pinv(jacobian / length)
    return sd * np.linalg.norm(inverse, axis=1) / length


def _condition(jacobian):
    length = np.linalg.norm(jacobian, axis=0)
    if not length.size or length.min() < INSENSITIVE:
        return 1 / SINGULAR
    singular = np.linalg.svd(jacobian / length, compute_uv=False)
    return float(singular[0] / max(singular[-1], SINGULAR * singular[0]))

"""Start points: exponents spread evenly over their range, linear coefficients solved for."""

import itertools

import numpy as np

SHALLOWEST, STEEPEST = 0.01, 5.0  # exponents are spread between these, evenly in logs


def spread(count: int, dimensions: int, rng: np.random.Generator | None = None) -> np.ndarray:
    """(count, dimensions) points that fill the unit cube evenly: an additive recurrence.

    Steps are powers of 1 / phi, phi the root of phi^(d+1) = phi + 1 (the golden ratio for d = 1).
    """
    phi = 2.0
    for _ in range(40):
        phi = (1 + phi) ** (1 / (dimensions + 1))
    shift = 0.5 if rng is None else rng.random(dimensions)
    steps = phi ** -np.arange(1.0, dimensions + 1)
    return (shift + np.arange(1, count + 1)[:, None] * steps) % 1


def exponents(unit: np.ndarray) -> np.ndarray:
    """Exponents from points of the unit cube."""
    return SHALLOWEST * (STEEPEST / SHALLOWEST) ** unit


def nonnegative(columns: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Least squares with coefficients >= 0: columns (S, K, R), target (R,) -> (S, K).

    Every choice of which coefficients are zero is solved, and the best that is feasible kept.
    """
    gram = columns @ columns.swapaxes(1, 2)
    right = columns @ target
    size = gram.shape[1]
    best, gain = np.zeros(right.shape), np.zeros(len(right))
    for kept in itertools.product((True, False), repeat=size):
        kept = np.array(kept)
        if not kept.any():
            continue
        coefficients = _solve(gram[:, kept][:, :, kept], right[:, kept])
        now = (coefficients * right[:, kept]).sum(1)
        better = (coefficients >= 0).all(1) & (now > gain)
        gain[better] = now[better]
        best[better] = 0
        best[np.ix_(better, kept)] = coefficients[better]
    return best


def _solve(gram, right):
    """Normal equations, with a ridge at rounding size so that equal columns have an answer."""
    diagonal = np.einsum("pii->pi", gram)
    scale = np.sqrt(diagonal) + 1e-300
    gram = gram / scale[:, :, None] / scale[:, None, :] + 1e-12 * np.eye(gram.shape[1])
    return np.linalg.solve(gram, (right / scale)[:, :, None])[:, :, 0] / scale

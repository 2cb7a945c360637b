"""Copies of training clips: far nearer to one than to any other."""

from collections.abc import Iterable

import numpy as np
from scipy.spatial.distance import cdist

BELOW = 1 / 3  # of 2310.02664


def nearest_ratios(made_ND: np.ndarray, training: Iterable[np.ndarray]) -> np.ndarray:
    """(N,) distance to the nearest training clip over that to the second nearest.

    `training` comes in parts (M, d), so that it need not fit into memory. Clips at one and the same
    distance count once, or a clip that training has twice would have no copies; of nearly equal
    ones copies stay hidden.
    """
    first = np.full((len(made_ND), 1), np.inf)
    second = first
    for part in training:
        found = np.concatenate([first, second, cdist(made_ND, part)], axis=1)
        first = found.min(1, keepdims=True)
        second = np.where(found > first, found, np.inf).min(1, keepdims=True)
    return (first / second)[:, 0]


def are_copies(ratios: np.ndarray) -> np.ndarray:
    """(N,) whether a ratio is below 1/3 (2310.02664)."""
    return ratios < BELOW

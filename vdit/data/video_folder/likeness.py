"""Vectors that are alike, of very many: all pairs that are, without a look at each pair in full.

Two vectors are as alike as 2 <a, b> / (|a|^2 + |b|^2), which is cos(a, b) / cosh(ln |a| / |b|).
As cosh x >= 1 + x^2 / 2, a likeness above s takes

    |a / |a| - b / |b||^2 + s ln(|a| / |b|)^2 < 2 (1 - s):

two points are near each other, of whose coordinates one is a length and the others are a direction.
That holds of fewer coordinates, too, for any rotation. So one vector is held against those alone
that are about as long, in a few principal axes of the directions; no pair is missed for that.
"""

from collections.abc import Iterator

import numpy as np

AXES = 16  # of 64 they leave one pair in 20,000 of real motion to be looked at in full
BLOCK = 256  # vectors compared at once: their products stay in a core's cache
ROUNDING = 1e-4  # of a likeness that is computed in float32

Pairs = tuple[np.ndarray, np.ndarray]


def likeness(a_NK: np.ndarray, b_NK: np.ndarray) -> np.ndarray:
    """(N,): 1 for equal vectors."""
    size = (a_NK**2).sum(1) + (b_NK**2).sum(1)
    return 2 * np.einsum("nk,nk->n", a_NK, b_NK) / np.maximum(size, 1e-9)


class Index:
    """Vectors (N, K), to be asked which of them others are like by more than `least`."""

    def __init__(self, vectors_NK: np.ndarray, least: float):
        self._vectors, self._least = vectors_NK, least
        self._near = 2 * (1 - least + ROUNDING)
        lengths, directions = _polar(vectors_NK)
        self._middle = lengths.mean() if len(lengths) else 0.0  # about which rounding is least
        self._axes = np.linalg.eigh(directions.T @ directions)[1][:, -AXES:]
        self._order = np.argsort(lengths, kind="stable")
        self._points = self._placed(vectors_NK[self._order])

    def pairs(self, others_MK: np.ndarray) -> Iterator[Pairs]:
        """Indices of all pairs that are alike, (of the vectors, of the others), a block at a time.

        |p - q|^2 < near, as one matrix product: <p, q> - |p|^2 / 2 + (near - |q|^2) / 2 > 0.
        """
        points = self._placed(others_MK)
        order = np.argsort(points[:, 0], kind="stable")
        points = points[order]
        right = np.hstack([points, _ones(points), (self._near - _squares(points)) / 2]).T
        for first in range(0, len(self._points), BLOCK):
            block = self._points[first : first + BLOCK]
            ends = block[[0, -1], 0] + np.sqrt(self._near) * np.array([-1, 1])
            low, high = np.searchsorted(points[:, 0], ends)
            left = np.hstack([block, -_squares(block) / 2, _ones(block)])
            near = np.flatnonzero(left @ right[:, low:high] > 0)
            here, there = np.divmod(near, max(1, high - low))
            here, there = self._order[first + here], order[low + there]
            alike = likeness(self._vectors[here], others_MK[there]) > self._least
            yield here[alike], there[alike]

    def _placed(self, vectors_NK: np.ndarray) -> np.ndarray:
        """Their points: float32 (N, 1 + AXES), the length first."""
        lengths, directions = _polar(vectors_NK)
        lengths = np.sqrt(self._least) * (lengths - self._middle)
        return np.hstack([lengths[:, None], directions @ self._axes]).astype(np.float32)


def _ones(points: np.ndarray) -> np.ndarray:
    return np.ones((len(points), 1), np.float32)


def _squares(points: np.ndarray) -> np.ndarray:
    return (points**2).sum(1, keepdims=True)


def _polar(vectors_NK: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Logarithms of lengths; directions, 0 for a vector of zeros, which is like none."""
    lengths = np.maximum(np.linalg.norm(vectors_NK, axis=1), 1e-9)
    return np.log(lengths), vectors_NK / lengths[:, None]

"""Where and when something moves: the scores of Physics-IQ (2501.09038), none of them clipped.

Overlaps are of two masks of motion (B, T, H, W), nan for clips in which neither has any.
"""

from typing import NamedTuple

import numpy as np

THRESHOLD = 16  # grey levels between two frames, above which a pixel moves; noise stays below


class Scores(NamedTuple):
    """(B,) of each clip; of `mse` less is better, and its pixels are in [0, 1]."""

    spatial_iou: np.ndarray
    spatiotemporal_iou: np.ndarray
    weighted_spatial_iou: np.ndarray
    mse: np.ndarray


def compare(made: np.ndarray, real: np.ndarray) -> Scores:
    """The scores of uint8 videos (B, T, H, W, 3), whose first frame was given, beside what came."""
    masks = moving(made), moving(real)
    error = (made[:, 1:].astype(np.float32) - real[:, 1:]) / 255
    mse = (error**2).mean((1, 2, 3, 4), dtype=np.float64)
    overlaps = (spatial_iou, spatiotemporal_iou, weighted_spatial_iou)
    return Scores(*(overlap(*masks) for overlap in overlaps), mse)


def moving(videos: np.ndarray) -> np.ndarray:
    """(B, T - 1, H, W) bool: pixels of uint8 videos (B, T, H, W, 3) that changed, in any channel,
    by more than `THRESHOLD` since the frame before."""
    return (np.abs(np.diff(videos.astype(np.int16), axis=1)) > THRESHOLD).any(-1)


def spatial_iou(made: np.ndarray, real: np.ndarray) -> np.ndarray:
    """(B,) *where* it moves: intersection over union of the pixels that move at any time."""
    return _overlap(made.any(1).astype(float), real.any(1).astype(float), (1, 2))


def spatiotemporal_iou(made: np.ndarray, real: np.ndarray) -> np.ndarray:
    """(B,) *where and when*: the mean over frames, of those in which either moves."""
    frames = _overlap(made.astype(float), real.astype(float), (2, 3))
    there = ~np.isnan(frames)
    total = np.where(there, frames, 0).sum(1)
    return np.divide(total, there.sum(1), out=np.full(len(made), np.nan), where=there.any(1))


def weighted_spatial_iou(made: np.ndarray, real: np.ndarray) -> np.ndarray:
    """(B,) *where and how much*: sum of minima over sum of maxima of each pixel's share of time."""
    return _overlap(made.mean(1), real.mean(1), (1, 2))


def _overlap(a: np.ndarray, b: np.ndarray, axes: tuple[int, ...]) -> np.ndarray:
    both, either = np.minimum(a, b).sum(axes), np.maximum(a, b).sum(axes)
    return np.divide(both, either, out=np.full(both.shape, np.nan), where=either > 0)

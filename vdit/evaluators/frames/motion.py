"""How much a video moves and flickers, and the prediction that needs no model."""

import numpy as np


def linear(given: np.ndarray, ahead: int) -> np.ndarray:
    """(B, ahead, H, W, 3) uint8: each pixel's last change goes on, x_k = x_0 + k (x_0 - x_-1).

    `given` (B, T, H, W, 3) has two frames or more; values are clipped to those of a pixel.
    """
    last = given[:, -1:].astype(np.int32)
    step = last - given[:, -2:-1]
    k = np.arange(1, ahead + 1)[:, None, None, None]
    return np.clip(last + k * step, 0, 255).astype(np.uint8)


def magnitude(videos: np.ndarray) -> np.ndarray:
    """(B,) mean |x_t - x_(t-1)| of uint8 videos (B, T, H, W, 3), in grey levels a frame."""
    return np.abs(np.diff(videos.astype(np.int16), axis=1)).mean((1, 2, 3, 4), dtype=np.float64)


def flicker(videos: np.ndarray) -> np.ndarray:
    """(B,) mean |x_(t+1) - 2 x_t + x_(t-1)|: change that the next frame takes back."""
    change = np.diff(videos.astype(np.int16), n=2, axis=1)
    return np.abs(change).mean((1, 2, 3, 4), dtype=np.float64)


def wasserstein(
    a: np.ndarray, a_clusters: np.ndarray, b: np.ndarray, b_clusters: np.ndarray
) -> tuple[float, float, int]:
    """1-Wasserstein distance of two samples (M,) and (N,), its standard error by the jackknife that
    leaves one cluster out of both, and the number of clusters; nan errors where none may be left
    out."""
    from scipy.stats import wasserstein_distance

    clusters = np.union1d(a_clusters, b_clusters)
    value = float(wasserstein_distance(a, b))
    if min(len(np.unique(a_clusters)), len(np.unique(b_clusters))) < 2:
        return value, float("nan"), len(clusters)
    left_out = [wasserstein_distance(a[a_clusters != c], b[b_clusters != c]) for c in clusters]
    return value, float(np.sqrt((len(clusters) - 1) * np.var(left_out))), len(clusters)

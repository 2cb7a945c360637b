"""What moves in a window, as a vector: on 8x8 cells of RGB, less its mean over time.

Pictures of one fixed camera are all alike, so what stands still is no part of it. A window has two
views, in full and without a margin of 5 %. The long vectors are compared by a fixed Gaussian
projection, which keeps inner products (Johnson and Lindenstrauss, 1984).
"""

import functools
from collections.abc import Sequence

import numpy as np

from vdit.data.video_folder.windows import area_weights

CELLS = 8
VIEWS = (1.0, 0.9)  # shares of the picture's sides: all of it, and without a margin
STILL = 2.0  # levels: less motion (RMS over time and cells) is not told from a codec's noise
PROJECTED, COARSE = 512, 64


def moves(cells_NTVC: np.ndarray) -> np.ndarray:
    """(N,): whether more moves in a window than a codec's noise."""
    full_NTC = cells_NTVC[:, :, 0]
    centred = full_NTC - full_NTC.mean(1, keepdims=True)
    return np.sqrt((centred**2).mean((1, 2))) >= STILL


def projected(windows: Sequence[np.ndarray]) -> np.ndarray:
    """Windows of cells (T, V, C) to their vectors: float32 (N, V, PROJECTED)."""
    if not len(windows):
        return np.zeros((0, len(VIEWS), PROJECTED), np.float32)
    cells_NVTC = np.stack(windows).swapaxes(1, 2)
    centred = cells_NVTC - cells_NVTC.mean(2, keepdims=True)
    count, views, frames, cells = centred.shape
    # one matrix product: of a stack NumPy would make one for each window, many times slower
    flat = centred.reshape(count * views, frames * cells) @ _gaussian(frames * cells)
    return flat.reshape(count, views, PROJECTED)


def coarse(cells_FVC: np.ndarray, starts: np.ndarray, frames: int) -> np.ndarray:
    """The first `COARSE` numbers of the vectors of windows at `starts` of a video: (N, V, COARSE).

    No window is copied: frames are projected once for each place in a window, and added up.
    """
    cells = cells_FVC.shape[-1]
    gauss_TCK = _gaussian(frames * cells)[:, :COARSE].reshape(frames, cells, COARSE)
    flat = cells_FVC.reshape(-1, cells) @ gauss_TCK.swapaxes(0, 1).reshape(cells, -1)
    each_FVTK = flat.reshape(*cells_FVC.shape[:2], frames, COARSE)
    total = sum(each_FVTK[starts + t, :, t] for t in range(frames))
    mean_NVC = sum(cells_FVC[starts + t] for t in range(frames)) / frames
    return total - mean_NVC @ gauss_TCK.sum(0)


def cells(clip_THWC: np.ndarray) -> np.ndarray:
    """Means over cells of a clip, in each view: float32 (T, V, 3 CELLS^2)."""
    frames, height, width, channels = clip_THWC.shape
    rows_THX = clip_THWC.reshape(frames, height, -1).astype(np.float32)
    views = []
    for share in VIEWS:
        low = (_axis(height, share) @ rows_THX).reshape(frames, CELLS, width, channels)
        # widths last: one matrix product, as `projected` has it
        flat = low.swapaxes(2, 3).reshape(-1, width) @ _axis(width, share).T
        cells = flat.reshape(frames, CELLS, channels, CELLS).swapaxes(2, 3)
        views.append(cells.reshape(frames, -1))
    return np.stack(views, 1)


@functools.lru_cache(maxsize=1)
def _gaussian(size: int) -> np.ndarray:
    random = np.random.default_rng(0).standard_normal((size, PROJECTED), np.float32)
    return random / np.sqrt(np.float32(PROJECTED))


@functools.lru_cache(maxsize=4)
def _axis(length: int, share: float) -> np.ndarray:
    """(CELLS, length): the mean over each cell of the middle `share` of an axis."""
    pixels, weights = area_weights(length, CELLS, share * length / CELLS)
    whole = np.zeros((CELLS, length), np.float32)
    whole[:, pixels] = weights.toarray()
    return whole

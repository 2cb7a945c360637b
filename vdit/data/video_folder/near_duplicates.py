"""Validation windows that training has seen: the same motion of the same things.

Pictures of one fixed camera are all alike, so what is compared is what moves: a window on 8x8
cells of RGB, less its mean over time. A window of validation is held against every position in
time of every training video, each in full and without a margin of 5 % (a crop of the other).
The long vectors are compared by a fixed Gaussian projection, which keeps inner products (Johnson
and Lindenstrauss, 1984). Time is linear in validation windows times training frames. A window that
reaches past the frames that training has is like them in part alone, and may be missed.
"""

import functools
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np
import scipy.sparse

from vdit.data.video_folder.ingest import Settings, Video
from vdit.data.video_folder.windows import area_weights, span

CELLS = 8
VIEWS = (1.0, 0.9)  # shares of the picture's sides: all of it, and without a margin
STILL = 2.0  # levels: less motion (RMS over time and cells) is not told from a codec's noise
PROJECTED = 512
CHUNK = 512  # positions compared at once
ALIKE = 0.945


class Found(NamedTuple):
    """Near-duplicates: (video, index of its window, training video that it is like), and how
    many validation windows there are, and stand still and were not compared."""

    pairs: list[tuple[Video, int, str]]
    windows: int
    still: int


def find(videos: Iterable[Video], settings: Settings) -> Found:
    """The windows of validation that are near-duplicates of training, in the order of `videos`.

    They are gone through twice: of validation what moves is held, of training one at a time.
    """
    held = (video for video in videos if video.split == "validation")
    kept, described, count = _described(held, settings)
    best, like = np.full(len(kept), ALIKE), [""] * len(kept)
    for video in videos if kept else ():
        if video.split != "train" or not video.places:
            continue
        for there in _positions(video, settings):
            found = _alike(described, there).max(1)
            for place in np.flatnonzero(found > best):
                best[place], like[place] = found[place], video.name
    pairs = [(*place, name) for place, name in zip(kept, like, strict=True) if name]
    return Found(pairs, count, count - len(kept))


def _alike(here_NVK: np.ndarray, there_MVK: np.ndarray) -> np.ndarray:
    """(N, M): 2 <a, b> / (|a|^2 + |b|^2), 1 for equal vectors, the most over pairs of views of
    which one is the full picture."""
    pairs = [(0, 0)] + [pair for view in range(1, len(VIEWS)) for pair in ((0, view), (view, 0))]
    found = []
    for a, b in pairs:
        here, there = here_NVK[:, a], there_MVK[:, b]
        size = (here**2).sum(1)[:, None] + (there**2).sum(1)
        found.append(2 * here @ there.T / np.maximum(size, 1e-9))
    return np.max(found, 0)


def _described(
    videos: Iterable[Video], settings: Settings
) -> tuple[list[tuple[Video, int]], np.ndarray, int]:
    """The windows that move; these, projected (N, V, K); and how many there are of all."""
    kept, found, count = [], [np.zeros((0, len(VIEWS), PROJECTED), np.float32)], 0
    for video in (video for video in videos if video.places):
        clips = video.clips(settings)
        cells_NVTC = np.stack([_cells(clip) for clip in clips]).swapaxes(1, 2)
        centred = cells_NVTC - cells_NVTC.mean(2, keepdims=True)
        moving = np.sqrt((centred[:, 0] ** 2).mean((1, 2))) >= STILL
        found.append(_projected(cells_NVTC[moving]))
        kept += [(video, index) for index in np.flatnonzero(moving).tolist()]
        count += len(moving)
    return kept, np.concatenate(found), count


def _positions(video: Video, settings: Settings) -> Iterator[np.ndarray]:
    """A training video at every position in time, by chunks (M, V, K).

    Windows that follow on each other are joined; of windows that overlap each is a position.
    """
    clips, frames = video.clips(settings), settings.frames
    joined = settings.hop >= span(frames, settings.stride)
    corners: dict[tuple[int, int], list[np.ndarray]] = {}
    for (_, *corner), clip in zip(video.places, clips, strict=True):
        corners.setdefault(tuple(corner), []).append(_cells(clip))
    for windows in corners.values():
        cells_FVC = np.concatenate(windows)
        sliding = np.lib.stride_tricks.sliding_window_view(cells_FVC, frames, 0)
        sliding_PVTC = sliding[:: 1 if joined else frames].swapaxes(2, 3)
        for start in range(0, len(sliding_PVTC), CHUNK):
            yield _projected(sliding_PVTC[start : start + CHUNK])


def _projected(cells_NVTC: np.ndarray) -> np.ndarray:
    """Windows less their mean over time, projected to (N, V, K)."""
    centred = cells_NVTC - cells_NVTC.mean(2, keepdims=True)
    count, views, frames, cells = centred.shape
    # one matrix product: of a stack NumPy would make one for each window, many times slower
    flat = centred.reshape(count * views, frames * cells) @ _gaussian(frames * cells)
    return flat.reshape(count, views, PROJECTED)


@functools.lru_cache(maxsize=1)
def _gaussian(size: int) -> np.ndarray:
    random = np.random.default_rng(0).standard_normal((size, PROJECTED), np.float32)
    return random / np.sqrt(np.float32(PROJECTED))


def _cells(clip_THWC: np.ndarray) -> np.ndarray:
    """Means over cells of a clip, in each view: float32 (T, V, 3 CELLS^2)."""
    frames, height, width, _ = clip_THWC.shape
    views = [_averages(height, width, share) @ clip_THWC.reshape(frames, -1).T for share in VIEWS]
    return np.stack(views, 1).transpose(2, 1, 0).astype(np.float32)


@functools.lru_cache(maxsize=2)
def _averages(height: int, width: int, share: float) -> scipy.sparse.csr_array:
    """(3 CELLS^2, 3 H W): the mean over each cell of the middle `share` of a picture."""
    tall, wide = (_axis(length, share) for length in (height, width))
    return scipy.sparse.csr_array(
        scipy.sparse.kron(scipy.sparse.kron(tall, wide), np.eye(3, dtype=np.float32))
    )


def _axis(length: int, share: float) -> scipy.sparse.csr_array:
    pixels, weights = area_weights(length, CELLS, share * length / CELLS)
    whole = np.zeros((CELLS, length), np.float32)
    whole[:, pixels] = weights.toarray()
    return scipy.sparse.csr_array(whole)

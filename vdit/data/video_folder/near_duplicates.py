"""Validation windows that training has seen: the same motion of the same things.

Pictures of one fixed camera are all alike, so what is compared is what moves: a window on 8x8
cells of RGB, less its mean over time. A window of validation is held against every position in
time of every training video, each in full and without a margin of 5 % (a crop of the other).
The long vectors are compared by a fixed Gaussian projection, which keeps inner products (Johnson
and Lindenstrauss, 1984). Of copies that were encoded again, cropped by 5 % and shifted in time, the
nearest latents (TAEF2's, likewise less their mean) find none that this misses.

Time is linear in validation windows times training frames. A window that reaches past the frames
that training has is like them in part alone, and may be missed.
"""

import functools
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np

from vdit.data.video_folder.ingest import Settings, Video
from vdit.data.video_folder.windows import area_weights, span

CELLS = 8
VIEWS = (1.0, 0.9)  # shares of the picture's sides: all of it, and without a margin
STILL = 2.0  # levels: less motion (RMS over time and cells) is not told from a codec's noise
PROJECTED, COARSE = 512, 64
CHUNK = 512  # positions compared at once
ALIKE, MARGIN = 0.945, 0.09


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
        for cells_FVC, starts in _positions(video, settings):
            starts = _looked_at(described, cells_FVC, starts, settings.frames)
            windows = [cells_FVC[start : start + settings.frames] for start in starts]
            found = _alike(described, _projected(windows)).max(1, initial=0)
            for place in np.flatnonzero(found > best):
                best[place], like[place] = found[place], video.name
    pairs = [(*place, name) for place, name in zip(kept, like, strict=True) if name]
    return Found(pairs, count, count - len(kept))


def _looked_at(
    here_NVK: np.ndarray, cells_FVC: np.ndarray, starts: np.ndarray, frames: int
) -> np.ndarray:
    """Those windows of training, by their first frames, that are worth the full look.

    The first `COARSE` of the numbers tell vectors that are far apart: at a correlation r they err
    by (1 - r^2) / sqrt(COARSE), 0.013 at `ALIKE`, so a miss is seven times that. No window is
    copied: frames are projected once for each place in a window, and added up.
    """
    cells = cells_FVC.shape[-1]
    gauss_TCK = _gaussian(frames * cells)[:, :COARSE].reshape(frames, cells, COARSE)
    flat = cells_FVC.reshape(-1, cells) @ gauss_TCK.swapaxes(0, 1).reshape(cells, -1)
    each_FVTK = flat.reshape(*cells_FVC.shape[:2], frames, COARSE)
    total = sum(each_FVTK[starts + t, :, t] for t in range(frames))
    mean_PVC = sum(cells_FVC[starts + t] for t in range(frames)) / frames
    coarse_PVK = total - mean_PVC @ gauss_TCK.sum(0)
    return starts[_alike(here_NVK[..., :COARSE], coarse_PVK).max(0) > ALIKE - MARGIN]


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
        cells_NTVC = np.stack([_cells(clip) for clip in clips])
        full_NTC = cells_NTVC[:, :, 0]
        centred = full_NTC - full_NTC.mean(1, keepdims=True)
        moving = np.sqrt((centred**2).mean((1, 2))) >= STILL
        found.append(_projected(cells_NTVC[moving]))
        kept += [(video, index) for index in np.flatnonzero(moving).tolist()]
        count += len(moving)
    return kept, np.concatenate(found), count


def _positions(video: Video, settings: Settings) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """The cells of a training video (F, V, C), by chunks, and where a window can begin in each.

    Windows that follow on each other are joined; of windows that overlap each is a position.
    """
    clips, frames = video.clips(settings), settings.frames
    step = 1 if settings.hop >= span(frames, settings.stride) else frames
    corners: dict[tuple[int, int], list[np.ndarray]] = {}
    for (_, *corner), clip in zip(video.places, clips, strict=True):
        corners.setdefault(tuple(corner), []).append(_cells(clip))
    for windows in corners.values():
        cells_FVC = np.concatenate(windows)
        for first in range(0, len(cells_FVC) - frames + 1, CHUNK * step):
            part = cells_FVC[first : first + (CHUNK - 1) * step + frames]
            yield part, np.arange(0, len(part) - frames + 1, step)


def _projected(windows: Sequence[np.ndarray]) -> np.ndarray:
    """Windows (T, V, C) less their mean over time, projected to (N, V, K)."""
    if not len(windows):
        return np.zeros((0, len(VIEWS), PROJECTED), np.float32)
    cells_NVTC = np.stack(windows).swapaxes(1, 2)
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
    frames, height, width, channels = clip_THWC.shape
    rows_THX = clip_THWC.reshape(frames, height, -1).astype(np.float32)
    views = []
    for share in VIEWS:
        low = (_axis(height, share) @ rows_THX).reshape(frames, CELLS, width, channels)
        # widths last: one matrix product, as `_projected` has it
        flat = low.swapaxes(2, 3).reshape(-1, width) @ _axis(width, share).T
        cells = flat.reshape(frames, CELLS, channels, CELLS).swapaxes(2, 3)
        views.append(cells.reshape(frames, -1))
    return np.stack(views, 1)


@functools.lru_cache(maxsize=4)
def _axis(length: int, share: float) -> np.ndarray:
    """(CELLS, length): the mean over each cell of the middle `share` of an axis."""
    pixels, weights = area_weights(length, CELLS, share * length / CELLS)
    whole = np.zeros((CELLS, length), np.float32)
    whole[:, pixels] = weights.toarray()
    return whole

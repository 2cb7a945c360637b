"""Cutting: windows of frames in time; centre crop with area resize, or tiles, in space."""

import functools
from collections.abc import Callable, Iterable, Iterator

import numpy as np
import scipy.sparse


def span(num_frames: int, stride: int) -> int:
    """Frames of the video that a window of `num_frames` at `stride` covers."""
    return (num_frames - 1) * stride + 1


def windows(
    frames: Iterable[np.ndarray | None],
    num_frames: int,
    stride: int,
    hop: int,
    prepare: Callable[[np.ndarray], np.ndarray] = lambda frame: frame,
) -> Iterator[tuple[int, np.ndarray]]:
    """Yields (start, window (T, H, W, C)) at starts 0, hop, 2 hop, ...; whole windows only.

    None stands for a lost frame: no window has it in its span, and the first starts anew after it.

    `prepare` runs once on each frame that a window needs; only open windows are held.
    """
    opened: dict[int, list[np.ndarray]] = {}
    since = 0
    for index, frame in enumerate(frames):
        if frame is None:
            opened.clear()
            since = index + 1
            continue
        waiting = [since + start for start in starts(index - since, num_frames, stride, hop)]
        image = prepare(frame) if waiting else None
        for start in waiting:
            window = opened.setdefault(start, [])
            window.append(image)
            if len(window) == num_frames:
                yield start, np.stack(opened.pop(start))


def starts(index: int, num_frames: int, stride: int, hop: int) -> list[int]:
    """Starts of the windows that hold frame `index`."""
    first = -(-max(0, index - span(num_frames, stride) + 1) // hop) * hop
    return [start for start in range(first, index + 1, hop) if (index - start) % stride == 0]


def tile_corners(height: int, width: int, size: tuple[int, int]) -> list[tuple[int, int]]:
    """(top, left) of the tiles of `size` that fit without overlap, the margin left even."""
    tops, lefts = (
        [(length % tile) // 2 + k * tile for k in range(length // tile)]
        for length, tile in zip((height, width), size, strict=True)
    )
    return [(top, left) for top in tops for left in lefts]


def crop_resize(image_HWC: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Largest centred crop of `size`'s shape, averaged over areas to `size`: uint8 to uint8.

    A target pixel is the mean of the source area it covers (exact for broken ratios; a source
    smaller than the target is enlarged the same way). The crop starts at a whole pixel.
    """
    *source, channels = image_HWC.shape
    scale = min(source[0] / size[0], source[1] / size[1])
    tall, rows = area_weights(source[0], size[0], scale)
    wide, columns = area_weights(source[1], size[1], scale, channels)
    crop_HWC = image_HWC[tall, wide].astype(np.float32)
    low_hW = rows @ crop_HWC.reshape(len(crop_HWC), -1)
    return np.rint(columns @ low_hW.T).T.astype(np.uint8).reshape(*size, channels)


@functools.lru_cache(maxsize=64)
def area_weights(
    source: int, target: int, scale: float, channels: int = 1
) -> tuple[slice, scipy.sparse.csr_array]:
    """The pixels of a crop, and (target, pixels) weights: row i has the share of each pixel in
    [i, i + 1) scale; for interleaved channels (target x channels, pixels x channels).

    Sparse, as a pixel has one target or two; and a dense product would wake BLAS's threads,
    which on busy cores makes a frame ten times slower.
    """
    start = np.floor((source - target * scale) / 2 + 1e-6)  # for the scale is a rounded number
    low = start + scale * np.arange(target)[:, None]
    pixel = np.arange(source)[None, :]
    overlap = np.minimum(low + scale, pixel + 1) - np.maximum(low, pixel)
    weights = np.clip(overlap, 0, None)
    weights = (weights / weights.sum(1, keepdims=True)).astype(np.float32)
    inside = np.flatnonzero(weights.any(0))
    crop = slice(inside[0], inside[-1] + 1)
    each = np.eye(channels, dtype=np.float32)
    return crop, scipy.sparse.kron(scipy.sparse.csr_array(weights[:, crop]), each, "csr")

"""Blobs: the connected pixels of one colour in one frame, and the grey bars that may hide some."""

import dataclasses
from collections.abc import Iterator

import numpy as np

from vdit.data.render import BACKGROUND, COLOURS, GREY, coverage

STRAY = 70.0  # RGB distance from all blends of background and a colour, beyond which it is none
LEAST_AREA = 0.008  # of the frame; the small objects of the world have 0.03
LEAST_BAR = 0.08  # of the frame; the thinnest bar of the world has 0.2
NAMES = (*COLOURS, "grey")


@dataclasses.dataclass(frozen=True)
class Blob:
    """One object in one frame: centroid, edges (left, top, right, bottom) and area in px."""

    x: float
    y: float
    area: float
    edges: tuple[int, int, int, int]
    bar_gap: float  # px from its nearest pixel to the bar, inf without one
    cover: np.ndarray  # (h, w) share of each pixel that it covers, from (left, top) on

    @property
    def free(self) -> bool:
        """Whether the bar hides none of it."""
        return self.bar_gap > 1.5


def overlap(blob: Blob, shape: str) -> float:
    """Intersection over union of a blob's cover and a template's."""
    height, width = blob.cover.shape
    radius = np.sqrt(blob.area / np.pi)
    x, y = blob.x - blob.edges[0], blob.y - blob.edges[1]
    template = coverage(shape, np.array([x]), np.array([y]), radius, height, width)[0]
    return np.minimum(blob.cover, template).sum() / np.maximum(blob.cover, template).sum()


def match_colours(video: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(best, alpha): the colour whose blend with the background is nearest each pixel; its share.

    pixel = background + alpha (colour - background), so that smoothed edges and blur keep their
    colour. `best` indexes NAMES; strays have alpha 0. Both (..., H, W).
    """
    offset = video.astype(np.float32) - np.float32(BACKGROUND)
    nearest = np.full(video.shape[:-1], np.float32(STRAY**2))
    best = np.zeros(video.shape[:-1], np.int8)
    alpha = np.zeros(video.shape[:-1], np.float32)
    length = (offset * offset).sum(-1)
    for index, colour in enumerate((*COLOURS.values(), GREY)):
        axis = np.float32(colour) - np.float32(BACKGROUND)
        along = offset @ axis
        share = np.clip(along / (axis @ axis), 0, 1)
        stray = length + share * (share * (axis @ axis) - 2 * along)
        closer = stray < nearest
        nearest[closer], best[closer], alpha[closer] = stray[closer], index, share[closer]
    return best, alpha


def find_bars(grey: np.ndarray) -> np.ndarray:
    """(B, H, W) bool: pixels grey most of the time, in patches of a bar's size."""
    from scipy import ndimage

    still = grey.mean(1) > 0.6
    labels, _ = ndimage.label(still, structure=_within_frame())
    area = np.bincount(labels.ravel())
    area[0] = 0
    return (area >= LEAST_BAR * still[0].size)[labels]


def label_blobs(mask: np.ndarray, bars: np.ndarray) -> np.ndarray:
    """Labels (N, H, W) of connected pixels of a frame; what shows on both sides of a bar is one."""
    from scipy import ndimage

    bridge = bars
    if bars.any():
        bridge = ndimage.binary_dilation(bars, structure=_within_frame())
    labels, _ = ndimage.label(mask | bridge, structure=_within_frame())
    return np.where(mask, labels, 0)


def cut_blobs(
    labels: np.ndarray, covers: np.ndarray, bars: np.ndarray, frames: int
) -> Iterator[tuple[int, Blob]]:
    """Yields (frame number, Blob) for every label of at least LEAST_AREA."""
    from scipy import ndimage

    height, width = labels.shape[1:]
    labels = drop_specks(labels, LEAST_AREA * height * width)
    gaps = {}
    for label, (time, *place) in enumerate(ndimage.find_objects(labels), start=1):
        where, clip = time.start, time.start // frames
        rows, cols = (
            slice(max(s.start - 1, 0), min(s.stop + 1, n))
            for s, n in zip(place, (height, width), strict=True)
        )
        mask = labels[where, rows, cols] == label
        if clip not in gaps:
            gaps[clip] = distance_to(bars[clip])
        near = ndimage.binary_dilation(mask, structure=np.ones((3, 3)))
        cover = np.where(near, covers[where, rows, cols], 0)
        yield where, _measure(cover, mask, gaps[clip][rows, cols], rows, cols)


def drop_specks(labels: np.ndarray, least_area: float) -> np.ndarray:
    """Labels 1, 2, ... of those with enough pixels."""
    keep = np.bincount(labels.ravel()) >= least_area
    keep[0] = False
    return (np.cumsum(keep) * keep)[labels]


def _measure(
    cover: np.ndarray, mask: np.ndarray, gap: np.ndarray, rows: slice, cols: slice
) -> Blob:
    total = cover.sum()
    return Blob(
        x=float(cover.sum(0) @ (np.arange(cols.start, cols.stop) + 0.5) / total),
        y=float(cover.sum(1) @ (np.arange(rows.start, rows.stop) + 0.5) / total),
        area=float(total),
        edges=(cols.start, rows.start, cols.stop, rows.stop),
        bar_gap=float(gap[mask].min()),
        cover=cover,
    )


def distance_to(bar: np.ndarray) -> np.ndarray:
    """Distance in px of every pixel to the bar; inf without one."""
    from scipy import ndimage

    return ndimage.distance_transform_edt(~bar) if bar.any() else np.full(bar.shape, np.inf)


def _within_frame() -> np.ndarray:
    """Connects the four neighbours within a frame and no two frames."""
    structure = np.zeros((3, 3, 3), bool)
    structure[1, 1, :] = structure[1, :, 1] = True
    return structure

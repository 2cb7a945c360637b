"""Finds the objects of the embedded world in videos: which colours, where, what shape, how long."""

import dataclasses

import numpy as np

from vdit.data.render import BACKGROUND, COLOURS, GREY, SHAPES, coverage

STRAY = (
    70.0  # RGB distance from every blend of background and a colour beyond which it is no colour
)
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
    def free(self):
        """Whether the bar hides none of it."""
        return self.bar_gap > 1.5


@dataclasses.dataclass
class Track:
    """One object through a clip: its colour and its Blob in every frame that shows it."""

    colour: str
    blobs: dict[int, Blob]

    @property
    def last(self):
        return self.blobs[max(self.blobs)]

    def shape(self):
        """The template, of its area and at its centroid, with the best mean overlap (IoU)."""
        blobs = list(self.blobs.values())
        blobs = [b for b in blobs if b.free] or blobs
        return max(SHAPES, key=lambda shape: sum(overlap(b, shape) for b in blobs))


def overlap(blob, shape):
    """Intersection over union of a blob's cover and a template's."""
    height, width = blob.cover.shape
    radius = np.sqrt(blob.area / np.pi)
    x, y = blob.x - blob.edges[0], blob.y - blob.edges[1]
    template = coverage(shape, np.array([x]), np.array([y]), radius, height, width)[0]
    return np.minimum(blob.cover, template).sum() / np.maximum(blob.cover, template).sum()


def match_colours(video):
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


def find_tracks(videos):
    """A list of Track for every clip of (B, T, H, W, 3) uint8 videos."""
    clips, frames, height, width = videos.shape[:4]
    best, alpha = match_colours(videos)
    bars = find_bars((best == NAMES.index("grey")) & (alpha > 0.5))
    tracks = [[] for _ in range(clips)]
    for index, colour in enumerate(COLOURS):
        covers = np.where(best == index, alpha, 0)
        flat = (clips * frames, height, width)
        labels = label_blobs((covers > 0.5).reshape(flat), np.repeat(bars, frames, 0))
        found = [[{} for _ in range(frames)] for _ in range(clips)]
        for where, blob in cut_blobs(labels, covers.reshape(flat), bars, frames):
            frame = found[where // frames][where % frames]
            frame[len(frame)] = blob
        for clip, blobs in enumerate(found):
            tracks[clip] += link(colour, [list(frame.values()) for frame in blobs])
    return tracks


def find_bars(grey):
    """(B, H, W) bool: pixels grey most of the time, in patches of a bar's size."""
    from scipy import ndimage

    still = grey.mean(1) > 0.6
    labels, _ = ndimage.label(still, structure=_within_frame())
    area = np.bincount(labels.ravel())
    area[0] = 0
    return (area >= LEAST_BAR * still[0].size)[labels]


def label_blobs(mask, bars):
    """Labels (N, H, W) of connected pixels of a frame; what shows on both sides of a bar is one."""
    from scipy import ndimage

    bridge = bars
    if bars.any():
        bridge = ndimage.binary_dilation(bars, structure=_within_frame())
    labels, _ = ndimage.label(mask | bridge, structure=_within_frame())
    return np.where(mask, labels, 0)


def cut_blobs(labels, covers, bars, frames):
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


def drop_specks(labels, least_area):
    """Labels 1, 2, ... of those with enough pixels."""
    keep = np.bincount(labels.ravel()) >= least_area
    keep[0] = False
    return (np.cumsum(keep) * keep)[labels]


def _measure(cover, mask, gap, rows, cols):
    total = cover.sum()
    return Blob(
        x=float(cover.sum(0) @ (np.arange(cols.start, cols.stop) + 0.5) / total),
        y=float(cover.sum(1) @ (np.arange(rows.start, rows.stop) + 0.5) / total),
        area=float(total),
        edges=(cols.start, rows.start, cols.stop, rows.stop),
        bar_gap=float(gap[mask].min()),
        cover=cover,
    )


def distance_to(bar):
    """Distance in px of every pixel to the bar; inf without one."""
    from scipy import ndimage

    return ndimage.distance_transform_edt(~bar) if bar.any() else np.full(bar.shape, np.inf)


def link(colour, frames):
    """Tracks of one colour: in every frame the nearest pairs of track and blob first."""
    tracks = []
    for number, blobs in enumerate(frames):
        pairs = sorted(
            ((t.last.x - b.x) ** 2 + (t.last.y - b.y) ** 2, i, j)
            for i, t in enumerate(tracks)
            for j, b in enumerate(blobs)
        )
        taken, placed = set(), set()
        for _, i, j in pairs:
            if i not in taken and j not in placed:
                taken.add(i)
                placed.add(j)
                tracks[i].blobs[number] = blobs[j]
        tracks += [Track(colour, {number: b}) for j, b in enumerate(blobs) if j not in placed]
    return tracks


def _within_frame():
    """Connects the four neighbours within a frame and no two frames."""
    structure = np.zeros((3, 3, 3), bool)
    structure[1, 1, :] = structure[1, :, 1] = True
    return structure

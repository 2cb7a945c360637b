"""Finds the objects of the embedded world in videos: which colours, where, what shape, how long."""

import dataclasses
from collections.abc import Sequence

import numpy as np

from vdit.data.render import COLOURS, SHAPES
from vdit.evaluators.objects.blobs import (
    NAMES,
    Blob,
    cut_blobs,
    find_bars,
    label_blobs,
    match_colours,
    overlap,
)


@dataclasses.dataclass
class Track:
    """One object through a clip: its colour and its Blob in every frame that shows it."""

    colour: str
    blobs: dict[int, Blob]

    @property
    def last(self) -> Blob:
        """In the last frame that shows it."""
        return self.blobs[max(self.blobs)]

    def shape(self) -> str:
        """The template, of its area and at its centroid, with the best mean overlap (IoU)."""
        blobs = list(self.blobs.values())
        blobs = [b for b in blobs if b.free] or blobs
        return max(SHAPES, key=lambda shape: sum(overlap(b, shape) for b in blobs))


def find_tracks(videos: np.ndarray) -> list[list[Track]]:
    """A list of Track for every clip of (B, T, H, W, 3) uint8 videos."""
    clips, frames, height, width = videos.shape[:4]
    best, alpha = match_colours(videos)
    bars = find_bars((best == NAMES.index("grey")) & (alpha > 0.5))
    tracks = [[] for _ in range(clips)]
    for index, colour in enumerate(COLOURS):
        covers = np.where(best == index, alpha, 0)
        flat = (clips * frames, height, width)
        labels = label_blobs((covers > 0.5).reshape(flat), np.repeat(bars, frames, 0))
        found = [[[] for _ in range(frames)] for _ in range(clips)]
        for where, blob in cut_blobs(labels, covers.reshape(flat), bars, frames):
            found[where // frames][where % frames].append(blob)
        for clip, blobs in enumerate(found):
            tracks[clip] += link(colour, blobs)
    return tracks


def link(colour: str, frames: Sequence[Sequence[Blob]]) -> list[Track]:
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

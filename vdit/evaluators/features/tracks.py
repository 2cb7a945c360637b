"""How the objects of the embedded world move: FVMD's histograms (2407.16124) of their tracks."""

import dataclasses
import hashlib
import inspect
import sys

import numpy as np

from vdit.data import render
from vdit.evaluators.objects import blobs, find
from vdit.evaluators.objects.find import Track, find_tracks

DIRECTIONS = 8


def histogram(steps: np.ndarray) -> np.ndarray:
    """(8,) lengths of (N, 2) vectors, summed over eight directions."""
    angles = np.arctan2(steps[:, 1], steps[:, 0])
    sectors = np.round(angles / (2 * np.pi) * DIRECTIONS).astype(int) % DIRECTIONS
    return np.bincount(sectors, np.hypot(*steps.T), DIRECTIONS)


def motion(tracks: list[Track], frames: int) -> np.ndarray:
    """(16,) of velocity in px per frame, and of acceleration; nothing where an object is hidden."""
    counts = np.zeros((2, DIRECTIONS))
    for track in tracks:
        at = np.full((frames, 2), np.nan)
        for frame, blob in track.blobs.items():
            at[frame] = blob.x, blob.y
        for order in (1, 2):
            steps = np.diff(at, order, axis=0)
            counts[order - 1] += histogram(steps[~np.isnan(steps).any(1)])
    return counts.ravel() / frames


@dataclasses.dataclass(frozen=True)
class Tracks:
    """(B, 16): where nothing of the world's colours is found, zeros."""

    name: str = "tracks"
    sees: str = "speeds and turns of the embedded world's objects; blind to place and look"
    crop: str = "none"

    @property
    def identity(self) -> str:
        """Of the sources that say what a track is: any edit of theirs makes it another score."""
        sources = (inspect.getsource(m) for m in (render, blobs, find, sys.modules[__name__]))
        return hashlib.sha256("".join(sources).encode()).hexdigest()[:8]

    def __call__(self, videos: np.ndarray) -> np.ndarray:
        frames = videos.shape[1]
        return np.array([motion(tracks, frames) for tracks in find_tracks(videos)])


def build() -> Tracks:
    """It has no options."""
    return Tracks()

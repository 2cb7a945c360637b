"""Do the objects of the embedded world go where they must? Continued clips against the truth.

Objects are told apart by their colour, which no two of a clip share.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from vdit.data.generalization import SEEN
from vdit.data.truth import Truth
from vdit.evaluators.objects.find import find_tracks

LOST = 0.5  # of the frame's shorter side: the error of an object that is not there


class Places(NamedTuple):
    """For each clip (T, K, 2) centroids (x, y) found, nan for none; the error in px of these."""

    found: list[np.ndarray]
    lost: float


def locate(videos: np.ndarray, truths: Sequence[Truth]) -> Places:
    """Where the objects of the truths are in uint8 videos (B, T, H, W, 3)."""
    found = _centroids(videos, [truth.colours for truth in truths])
    return Places(found, LOST * min(videos.shape[2:4]))


def in_sight(truths: Sequence[Truth], frames: np.ndarray) -> list[np.ndarray]:
    """(T, K) bool for each clip: objects that are seen in one of the marked frames (T,)."""
    return [(truth.visibility >= SEEN) & frames[:, None] for truth in truths]


def position_errors(
    places: Places, truths: Sequence[Truth], counted: Sequence[np.ndarray]
) -> np.ndarray:
    """(B,) mean distance in px of found from true centroids where they are `counted` (T, K); nan
    where none is."""
    far = [at - truth.position for at, truth in zip(places.found, truths, strict=True)]
    return _mean_lengths(far, counted, places.lost)


def velocity_errors(
    places: Places, truths: Sequence[Truth], counted: Sequence[np.ndarray]
) -> np.ndarray:
    """(B,) mean |v - v'| in px/frame of found and true ways since the frame before, where objects
    are `counted` (T, K) and were in sight before."""
    pairs = zip(places.found, truths, strict=True)
    far = [np.diff(at - truth.position, axis=0) for at, truth in pairs]
    both = [
        now[1:] & (truth.visibility[:-1] >= SEEN)
        for now, truth in zip(counted, truths, strict=True)
    ]
    return _mean_lengths(far, both, places.lost)


def largest_steps(places: Places) -> np.ndarray:
    """(B,) the longest way in px that an object goes from a frame to the next."""
    steps = [np.hypot(*np.moveaxis(np.diff(at, axis=0), -1, 0)) for at in places.found]
    return np.array([np.where(np.isnan(step), places.lost, step).max() for step in steps])


def _mean_lengths(
    vectors: Sequence[np.ndarray], counted: Sequence[np.ndarray], lost: float
) -> np.ndarray:
    """(B,) means of |(T, K, 2)| where counted, no more than `lost`, which is also that of nan."""
    lengths = [np.fmin(np.hypot(v[..., 0], v[..., 1]), lost) for v in vectors]
    pairs = zip(lengths, counted, strict=True)
    return np.array([length[c].mean() if c.any() else np.nan for length, c in pairs])


def _centroids(videos: np.ndarray, colours: Sequence[Sequence[str]]) -> list[np.ndarray]:
    """For each clip (T, K, 2) centroids (x, y) of its largest blob of each colour, nan for none."""
    out = []
    for tracks, names in zip(find_tracks(videos), colours, strict=True):
        at = np.full((videos.shape[1], len(names), 2), np.nan)
        area = np.zeros(at.shape[:2])
        for track in tracks:
            for frame, blob in track.blobs.items() if track.colour in names else ():
                place = frame, names.index(track.colour)
                if blob.area > area[place]:
                    at[place], area[place] = (blob.x, blob.y), blob.area
        out.append(at)
    return out

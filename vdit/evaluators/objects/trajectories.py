"""Do the objects of the embedded world go where they must? Continued clips against the truth."""

from collections.abc import Sequence

import numpy as np

from vdit.data.truth import Truth
from vdit.evaluators.objects.find import find_tracks

SEEN = 0.5  # of an object's area: what is hidden more has no position to be wrong about
LOST = 0.5  # of the frame's shorter side: the error of an object that is not there


def position_errors(videos: np.ndarray, truths: Sequence[Truth], frames: np.ndarray) -> np.ndarray:
    """(B,) mean distance in px of found from true centroids over the marked frames (T,).

    videos: uint8 (B, T, H, W, 3). Objects are told apart by their colour, which no two of a clip
    share; one that is not found is `LOST` off. nan where no object is in sight.
    """
    lost = LOST * min(videos.shape[2:4])
    found = _centroids(videos, [truth.colours for truth in truths])
    errors = []
    for at, truth in zip(found, truths, strict=True):
        distance = np.hypot(*np.moveaxis(at - truth.position, -1, 0))
        counted = (truth.visibility >= SEEN) & frames[:, None]
        distance = np.where(np.isnan(distance), lost, np.minimum(distance, lost))
        errors.append(distance[counted].mean() if counted.any() else np.nan)
    return np.array(errors)


def largest_steps(videos: np.ndarray, truths: Sequence[Truth]) -> np.ndarray:
    """(B,) the longest way in px that an object goes from a frame to the next; `LOST` if it is not
    there in one of them."""
    lost = LOST * min(videos.shape[2:4])
    found = _centroids(videos, [truth.colours for truth in truths])
    steps = [np.hypot(*np.moveaxis(np.diff(at, axis=0), -1, 0)) for at in found]
    return np.array([np.where(np.isnan(step), lost, step).max() for step in steps])


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

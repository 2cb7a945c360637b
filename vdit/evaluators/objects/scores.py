"""Scores of videos of the embedded world, measured by finding the objects in them."""

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np

from vdit.data.render import HULL
from vdit.data.wording import Phrase, parse_caption
from vdit.errors import InputError
from vdit.evaluators.clustered import by_cluster
from vdit.evaluators.objects.blobs import Blob
from vdit.evaluators.objects.find import Track, find_tracks

NAMES = (
    "objects_agree",
    "number_agree",
    "colour_agree",
    "shape_agree",
    "permanence",
    "acceleration",
)
REACH = 0.15  # of the frame's shorter side: how far from the bar an object can be before it hides
FASTEST = 0.08  # of the frame's shorter side per frame: the world's speed
EDGE = 1.0  # px; how near a wall, another object or the bar an object may be found by its edge


def score_clips(
    videos_BTHWC: np.ndarray, captions: Sequence[str], clusters: np.ndarray | None = None
) -> dict[str, float]:
    """Mean scores {NAME, NAME_se, acceleration_n} of uint8 videos against their captions.

    *_agree: share of clips whose found objects agree with the caption in number, colours, shapes,
    or (objects_agree) in all, colours and shapes of the same objects. permanence: share of the
    objects found that are there from the first frame to the last, unless a grey bar hides them.
    acceleration: mean |a| per axis in px/frame^2 between bounces, a constant gravity taken off;
    lower is better; `acceleration_n` clips have a value. _se: standard error over clips, or over
    `clusters` (B,) of them, which are then counted.
    A mean over no clip, and an error from one, is nan. Raises InputError.
    """
    videos = np.asarray(videos_BTHWC)
    if videos.dtype != np.uint8 or videos.ndim != 5 or videos.shape[-1] != 3:
        raise InputError(f"videos {videos.dtype} {videos.shape}: expected uint8 (B, T, H, W, 3)")
    if len(captions) != len(videos):
        raise InputError(f"{len(captions)} captions for {len(videos)} videos: expected as many")
    named = [parse_caption(caption) for caption in captions]
    rows = [
        score_tracks(tracks, phrases, videos.shape[1:4])
        for tracks, phrases in zip(find_tracks(videos), named, strict=True)
    ]
    clusters, scores = np.arange(len(videos)) if clusters is None else clusters, {}
    for column, name in enumerate(NAMES):
        values = np.array([row[column] for row in rows], float)
        scores |= _mean(name, by_cluster(values, clusters))
    return scores


def score_tracks(
    tracks: Sequence[Track], phrases: Sequence[Phrase], frame_shape: tuple[int, int, int]
) -> tuple[float, ...]:
    """One clip's scores in the order of NAMES, nan for none."""
    frames, height, width = frame_shape
    # A speck of one frame is no object: it may be noise.
    objects = [t for t in tracks if len(t.blobs) >= max(1, frames // 4)]
    side = min(height, width)
    found = [(t.colour, t.shape()) for t in objects]
    return (
        *agreement(found, [(p.colour, p.shape) for p in phrases]),
        permanence(objects, frames, REACH * side),
        acceleration(objects, height, width, FASTEST * side),
    )


def agreement(
    found: Sequence[tuple[str, str]], named: Sequence[tuple[str, str]]
) -> tuple[bool, bool, bool, bool]:
    """(objects, number, colour, shape) of 0 or 1 for lists of (colour, shape)."""
    colours, shapes = (
        Counter(pair[part] for pair in found) == Counter(pair[part] for pair in named)
        for part in (0, 1)
    )
    return Counter(found) == Counter(named), len(found) == len(named), colours, shapes


def permanence(objects: Sequence[Track], frames: int, reach: float) -> float:
    """Share of the objects that last; 0 if there are none, for every caption names one."""
    return sum(lasts(track, frames, reach) for track in objects) / max(len(objects), 1)


def lasts(track: Track, frames: int, reach: float) -> bool:
    """Whether a track is in every frame, gaps forgiven where it was within `reach` of a bar."""
    seen = sorted(track.blobs)
    hides = [track.blobs[number].bar_gap <= reach for number in seen]
    return (
        (seen[0] == 0 or hides[0])
        and (seen[-1] == frames - 1 or hides[-1])
        and all(
            b - a == 1 or (hides[i] and hides[i + 1]) for i, (a, b) in enumerate(pairwise(seen))
        )
    )


def acceleration(objects: Sequence[Track], height: int, width: int, fastest: float) -> float:
    """Mean |second difference| of free flight in px/frame^2, less a downward gravity; or nan."""
    across, down = [], []
    for a, b, c in flights(objects, fastest):
        if _clear((a, b, c), 0, width, fastest):
            across.append(a.x - 2 * b.x + c.x)
        if _clear((a, b, c), 1, height, fastest):
            down.append(a.y - 2 * b.y + c.y)
    if len(down) < 3:
        down = []  # too few to tell gravity from error
    gravity = max(float(np.median(down)), 0.0) if down else 0.0
    values = np.abs([*across, *(value - gravity for value in down)])
    return float(values.mean()) if len(values) else float("nan")


def flights(objects: Sequence[Track], fastest: float) -> Iterator[list[Blob]]:
    """Three blobs of one object in frames that follow, wholly seen and away from other objects."""
    for track in objects:
        for first in track.blobs:
            blobs = [track.blobs.get(first + step) for step in range(3)]
            if all(b and b.free for b in blobs) and not any(
                _in_contact(track, other, first, fastest) for other in objects
            ):
                yield blobs


def _clear(blobs: Sequence[Blob], axis: int, length: int, fastest: float) -> bool:
    """Whether no wall of one axis was within reach of a bounce during three frames."""
    centres = [(blob.x, blob.y)[axis] for blob in blobs]
    step = max(abs(b - a) for a, b in pairwise(centres))
    # A bounce is at most half a step from one of the frames. A jump is no speed: beyond the fastest
    # of the world, twice SPEED after a fall, it must not excuse itself as a bounce.
    margin = min(step / 2, fastest) + EDGE
    low = min(blob.edges[axis] for blob in blobs)
    high = max(blob.edges[axis + 2] for blob in blobs)
    return low + 1 >= margin and high - 1 <= length - margin


def _in_contact(track: Track, other: Track, first: int, fastest: float) -> bool:
    """Whether two objects may have met in the frames first to first + 2."""
    for number in range(first, first + 3):
        if number in other.blobs and other is not track:
            a, b = track.blobs[number], other.blobs[number]
            reach = HULL["triangle"] * (np.sqrt(a.area / np.pi) + np.sqrt(b.area / np.pi))
            if np.hypot(a.x - b.x, a.y - b.y) < reach + EDGE + fastest:
                return True
    return False


def _mean(name: str, values: np.ndarray) -> dict[str, float]:
    """{name, name_se}, and {name_n} for acceleration, of numbers for each cluster."""
    count = len(values)
    # A share of 0 or 1 has no error of its own: one clip of each kind is added (after Agresti and
    # Coull, 1998), so that 0 of 64 is not taken for certain.
    spread = values if name == "acceleration" else np.concatenate([values, [0.0, 1.0]])
    out = {
        name: float(values.mean()) if count else float("nan"),
        f"{name}_se": float(spread.std(ddof=1) / np.sqrt(count)) if count > 1 else float("nan"),
    }
    return out | ({f"{name}_n": count} if name == "acceleration" else {})

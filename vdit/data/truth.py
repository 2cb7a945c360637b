"""Ground truth of a clip of the embedded world: what its objects are, where, and what is seen."""

import dataclasses
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from vdit.data.bounces import Body
from vdit.data.render import HULL, REACH, Box, coverage, share_seen
from vdit.data.scenes import mention_bar
from vdit.data.wording import Phrase, parse_caption, write_caption


@dataclasses.dataclass(frozen=True)
class Truth:
    """Ground truth of a clip; K objects, T frames, px and frames, x right, y down.

    `visibility` is the share of an object's area in sight; `bounces[t, k]` marks a bounce between
    frames t - 1 and t; `gravity` is in px/frame^2; `occluder` is (left, top, right, bottom).
    """

    shapes: tuple[str, ...]
    colours: tuple[str, ...]
    sizes: tuple[str, ...]
    radius: np.ndarray  # (K,), of the disc of equal area
    position: np.ndarray  # (T, K, 2), centroids
    velocity: np.ndarray  # (T, K, 2)
    visibility: np.ndarray  # (T, K)
    bounces: np.ndarray  # (T, K) bool
    gravity: float
    occluder: Box | None
    caption: str


class Objects(NamedTuple):
    """What was drawn by chance of each object."""

    phrases: list[Phrase]
    bodies: list[Body]
    radii: list[float]


def objects_of(truth: Truth) -> Objects:
    """A clip's objects as they are in its first frame, at rest."""
    phrases, radii = parse_caption(truth.caption), truth.radius.tolist()
    bodies = [
        Body(
            x,
            y,
            0.0,
            0.0,
            radius * radius,
            radius * HULL[shape],
            tuple(radius * r for r in REACH[shape]),
        )
        for (x, y), radius, shape in zip(
            truth.position[0].tolist(), radii, truth.shapes, strict=True
        )
    ]
    return Objects(phrases, bodies, radii)


def coverages(
    objects: Objects, states_TK4: np.ndarray, height: int, width: int
) -> list[np.ndarray]:
    """Share (T, H, W) of each pixel that an object covers, for each object."""
    x_TK, y_TK = states_TK4[..., 0], states_TK4[..., 1]
    return [
        coverage(phrase.shape, x_TK[:, k], y_TK[:, k], objects.radii[k], height, width)
        for k, phrase in enumerate(objects.phrases)
    ]


def shares_seen(covers: Sequence[np.ndarray], front_HW: np.ndarray | None) -> np.ndarray:
    """Share (T, K) of each object that the occluder leaves in sight."""
    if front_HW is None:
        return np.ones((len(covers[0]), len(covers)))
    return np.stack([share_seen(cover, front_HW) for cover in covers], axis=1)


def truth_of(
    objects: Objects,
    states_TK4: np.ndarray,
    seen_TK: np.ndarray,
    bounced: Sequence[Sequence[bool]],
    gravity: float,
    bar: Box | None,
) -> Truth:
    """The truth of a clip: what was drawn, what happened, and the caption that tells it."""
    phrases = mention_bar(objects.phrases, seen_TK) if bar else objects.phrases
    return Truth(
        *(tuple(getattr(p, field) for p in phrases) for field in ("shape", "colour", "size")),
        radius=np.array(objects.radii),
        position=states_TK4[..., :2],
        velocity=states_TK4[..., 2:],
        visibility=seen_TK,
        bounces=np.array(bounced),
        gravity=gravity,
        occluder=bar,
        caption=write_caption(phrases),
    )

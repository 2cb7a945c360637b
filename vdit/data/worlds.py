"""The embedded world: an endless set of small physics videos with captions and ground truth."""

import dataclasses
import hashlib
import json

import numpy as np

from vdit.data.bounces import simulate
from vdit.data.render import COLOURS, GREY, HULL, SHAPES, box_coverage, coverage, paint, share_seen
from vdit.data.scenes import PULL, Dice, any_behind, draw_bar, draw_motion, mention_bar, place
from vdit.data.wording import Thing, write_caption
from vdit.errors import InputError

VERSION = 1  # Raise when the same options give other clips: it is part of every fingerprint.
SPLITS = ("train", "validation")

TRIES = 200
IDLE_BARS = 0.3  # share kept of the draws in which no object's centre passes behind the bar


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
    occluder: tuple[float, float, float, float] | None
    caption: str


class Worlds:
    """Source of clips: 1 to `max_objects` rigid shapes of different colours in a box.

    worlds[i] -> {"video": uint8 (T, H, W, 3), "caption": str, "index": i}; worlds.truth(i): Truth.
    Clip i depends on the seed, the split, i and the options, not on the length or the machine.
    `gravity` and `occluder` are probabilities; `sizes` maps a word to a radius as a share of the
    frame's shorter side. Raises InputError for options that make no world.
    """

    name = "worlds"

    def __init__(
        self,
        length,
        split="train",
        seed=0,
        num_frames=9,
        height=32,
        width=32,
        max_objects=2,
        gravity=0.3,
        occluder=0.2,
        shapes=SHAPES,
        colours=("red", "green", "blue", "yellow"),
        sizes=(("small", 0.1), ("large", 0.15)),
    ):
        self._length, self._split, self._seed = length, split, seed
        self._shape = (num_frames, height, width)
        self._max_objects, self._gravity, self._occluder = max_objects, gravity, occluder
        self._shapes, self._colours = tuple(shapes), tuple(colours)
        self._sizes = tuple(sorted(dict(sizes).items(), key=lambda size: size[1]))
        _check(self)

    @property
    def fingerprint(self):
        """Identity of the content: 12 hex digits."""
        text = json.dumps([VERSION, sorted(vars(self).items())])
        return hashlib.sha256(text.encode()).hexdigest()[:12]

    def __len__(self):
        return self._length

    def __getitem__(self, index):
        truth, covers, front = self._scene(index)
        layers = [(c, COLOURS[name]) for c, name in zip(covers, truth.colours, strict=True)]
        layers += [] if front is None else [(front, GREY)]
        return {"video": paint(layers, *self._shape), "caption": truth.caption, "index": int(index)}

    def truth(self, index):
        """Ground truth of clip `index`."""
        return self._scene(index)[0]

    def _scene(self, index):
        if not 0 <= index < self._length:
            raise IndexError(f"clip {index}: the {self._split} split has {self._length}")
        dice = Dice(self._seed, SPLITS.index(self._split), int(index))
        # Settled before anything can be refused, so that the options mean the shares they say.
        gravity, barred = dice.uniform() < self._gravity, dice.uniform() < self._occluder
        count = 1 + int(dice.uniform() * self._max_objects)
        for _ in range(TRIES):
            scene = self._try_scene(dice, gravity, barred, count)
            if scene:
                return scene
        raise InputError(f"worlds: no room for {count} objects in a frame of {self._shape[1:]}")

    def _try_scene(self, dice, gravity, barred, count):
        """One draw of (Truth, coverages, occluder's coverage); None if no room or badly seen."""
        frames, height, width = self._shape
        gravity = PULL * min(height, width) if gravity else 0.0
        bar = draw_bar(dice, height, width) if barred else None
        things, bodies, radii = self._draw_objects(dice, gravity, bar, count)
        if len(bodies) < count:
            return None
        states, bounced = simulate(bodies, frames, width, height, gravity)
        if bar and not any_behind(states, bar) and dice.uniform() > IDLE_BARS:
            return None
        states = np.array(states)
        covers = [
            coverage(thing.shape, states[:, k, 0], states[:, k, 1], radii[k], height, width)
            for k, thing in enumerate(things)
        ]
        front, seen = None, np.ones(states.shape[:2])
        if bar:
            front = box_coverage(bar, height, width)
            seen = np.stack([share_seen(cover, front) for cover in covers], axis=1)
            if ((seen > 0.97).sum(0) < max(1, frames // 3)).any():
                return None  # What a caption names can be seen, and its shape told.
            things = mention_bar(things, seen)
        return _truth(things, radii, states, seen, bounced, gravity, bar), covers, front

    def _draw_objects(self, dice, gravity, bar, count):
        """(things, bodies, radii) of `count` objects, or fewer where they found no place."""
        height, width = self._shape[1:]
        colours, things, bodies, radii = list(self._colours), [], [], []
        for _ in range(count):
            (size, share), shape = dice.pick(self._sizes), dice.pick(self._shapes)
            colours.remove(colour := dice.pick(colours))
            motion, vx, vy = draw_motion(dice, gravity, min(height, width))
            radius = share * min(height, width)
            body = place(dice, shape, radius, motion, (height, width), bar, bodies)
            if body is None:
                break
            body.vx, body.vy = vx, vy
            things.append(Thing(size, colour, shape, motion))
            bodies.append(body)
            radii.append(radius)
        return things, bodies, radii


def _truth(things, radii, states_TK4, seen, bounced, gravity, bar):
    return Truth(
        *(tuple(getattr(t, field) for t in things) for field in ("shape", "colour", "size")),
        radius=np.array(radii),
        position=states_TK4[..., :2],
        velocity=states_TK4[..., 2:],
        visibility=seen,
        bounces=np.array(bounced),
        gravity=gravity,
        occluder=bar,
        caption=write_caption(things),
    )


def _check(worlds):
    """Raises InputError, one line, for options that make no world."""
    frames, height, width = worlds._shape
    count, sizes = worlds._max_objects, dict(worlds._sizes)
    largest = 2 * max(HULL.values()) * max(sizes.values(), default=0) * min(height, width)
    for wrong, message in (
        (worlds._length < 1, f"length {worlds._length}: expected at least 1"),
        (worlds._split not in SPLITS, f"split {worlds._split!r}: expected one of {SPLITS}"),
        (worlds._seed < 0, f"seed {worlds._seed}: expected 0 or more"),
        (frames < 1, f"num_frames {frames}: expected at least 1"),
        (min(height, width) < 16, f"height, width {height}, {width}: expected at least 16"),
        (not 0 <= worlds._gravity <= 1, f"gravity {worlds._gravity}: expected a probability"),
        (not 0 <= worlds._occluder <= 1, f"occluder {worlds._occluder}: expected a probability"),
        (not _among(worlds._shapes, SHAPES), f"shapes {worlds._shapes}: expected some of {SHAPES}"),
        (
            not _among(worlds._colours, COLOURS),
            f"colours {worlds._colours}: expected some of {tuple(COLOURS)}, each once",
        ),
        (
            not 1 <= count <= len(worlds._colours),
            f"max_objects {count}: expected 1 to {len(worlds._colours)}, a colour each",
        ),
        (
            not sizes or not all(word.isalpha() for word in sizes) or min(sizes.values()) <= 0,
            f"sizes {sizes}: expected words with a share of the frame's side each",
        ),
        (
            count * largest * largest > 0.7 * height * width,
            f"sizes {sizes}: no room for {count} of the largest in a frame of {height}x{width}",
        ),
    ):
        if wrong:
            raise InputError(f"worlds: {message}")


def _among(chosen, known):
    return bool(chosen) and set(chosen) <= set(known) and len(set(chosen)) == len(chosen)

"""The embedded world: an endless set of small physics videos with captions and ground truth."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np

from vdit.data import scenes
from vdit.data.bounces import simulate
from vdit.data.kinds import Kinds, draw_objects, redraw_velocities
from vdit.data.render import COLOURS, GREY, SHAPES, Box, box_coverage, paint
from vdit.data.scenes import SPEED, TRIES, Random
from vdit.data.truth import Objects, Truth, coverages, objects_of, shares_seen, truth_of
from vdit.data.wording import MOTIONS
from vdit.data.world_options import SPLITS, check
from vdit.errors import InputError

VERSION = 1  # Raise when the same options give other clips: it is part of every fingerprint.
SIZES = (("small", 0.1), ("large", 0.15))
# No part of older names.
LATER = {"_held_out": (), "_motions": tuple(MOTIONS), "_speeds": SPEED, "_labelled": 1.0}
LABELS = 7919  # of the stream that says which clips have captions
IDLE_BARS = 0.3  # share kept of the draws in which no object's centre passes behind the bar


class Scene(NamedTuple):
    """What is drawn: the shares (T, H, W) of pixels that objects cover, (H, W) of the occluder."""

    truth: Truth
    covers: list[np.ndarray]
    front: np.ndarray | None


class Worlds:
    """Source of clips: 1 to `max_objects` rigid shapes of different colours in a box.

    worlds[i] -> {"video": uint8 (T, H, W, 3), "caption": str, "index": i}; worlds.truth(i): Truth.
    Clip i depends on the seed, the split, i and the options, not on the length or the machine.
    `gravity` and `occluder` are probabilities; `sizes` maps a word to a radius, `speeds` are the
    least and most without gravity, shares of the frame's shorter side. No object has all words of
    an entry of `held_out`, such as "red circle". A share `labelled` of training clips has captions,
    "" the others; truth(i) tells all. Raises InputError for options that make no world.
    """

    name = "worlds"

    def __init__(
        self,
        length: int,
        split: str = "train",
        seed: int = 0,
        num_frames: int = 9,
        height: int = 32,
        width: int = 32,
        max_objects: int = 2,
        gravity: float = 0.3,
        occluder: float = 0.2,
        shapes: Iterable[str] = SHAPES,
        colours: Iterable[str] = ("red", "green", "blue", "yellow"),
        sizes: Mapping[str, float] | Iterable[tuple[str, float]] = SIZES,
        held_out: Iterable[str] = (),
        motions: Iterable[str] = tuple(MOTIONS),
        speeds: tuple[float, float] = SPEED,
        labelled: float = 1.0,
    ):
        # The names of these attributes are part of the fingerprint.
        self._length, self._split, self._seed = length, split, seed
        self._shape = (num_frames, height, width)
        self._max_objects, self._gravity, self._occluder = max_objects, gravity, occluder
        self._shapes, self._colours = tuple(shapes), tuple(colours)
        self._sizes = tuple(sorted(dict(sizes).items(), key=lambda size: size[1]))
        self._motions, self._speeds = tuple(motions), tuple(speeds)
        self._labelled = labelled
        self._held_out = held_out if isinstance(held_out, str) else tuple(sorted(held_out))
        check(self.options)

    @property
    def options(self) -> dict[str, Any]:
        """What it was made with, defaults and all: Worlds(**options) is the same."""
        size = dict(zip(("num_frames", "height", "width"), self._shape, strict=True))
        return {name[1:]: value for name, value in vars(self).items() if name != "_shape"} | size

    @property
    def _kinds(self) -> Kinds:
        options = self.options
        return Kinds(**{name: options[name] for name in Kinds._fields})

    @property
    def fingerprint(self) -> str:
        """Identity of the content: 12 hex digits."""
        options = {k: v for k, v in vars(self).items() if k not in LATER or v != LATER[k]}
        text = json.dumps([VERSION, sorted(options.items())])
        return hashlib.sha256(text.encode()).hexdigest()[:12]

    def __len__(self) -> int:
        return self._length

    def __getitem__(self, index: int) -> dict[str, Any]:
        return self._item(self._scene(index), index)

    def second_take(self, index: int) -> dict[str, Any]:
        """Another clip of the same first frame and caption: its objects have other velocities."""
        truth = self.truth(index)
        random = Random(self._seed, SPLITS.index(self._split), int(index), 1)
        for _ in range(TRIES):
            objects = objects_of(truth)
            side = min(self._shape[1:])
            redraw_velocities(random, objects, truth.gravity, side, self._speeds)
            scene = self._play(random, objects, truth.gravity, truth.occluder)
            if scene and scene.truth.caption == truth.caption:
                return self._item(scene, index)
        raise InputError(f"worlds: no second take of clip {index} was found")

    def _item(self, scene: Scene, index: int) -> dict[str, Any]:
        truth, covers, front = scene
        layers = [(c, COLOURS[name]) for c, name in zip(covers, truth.colours, strict=True)]
        layers += [] if front is None else [(front, GREY)]
        caption = truth.caption if self._is_labelled(index) else ""
        return {"video": paint(layers, *self._shape), "caption": caption, "index": int(index)}

    def _is_labelled(self, index: int) -> bool:
        """By a draw of its own, so that a clip which has a caption has it at every larger share."""
        if self._split != "train" or self._labelled == 1:
            return True
        return Random(self._seed, int(index), LABELS).uniform() < self._labelled

    def truth(self, index: int) -> Truth:
        """Ground truth of clip `index`."""
        return self._scene(index).truth

    def _scene(self, index: int) -> Scene:
        if not 0 <= index < self._length:
            raise IndexError(f"clip {index}: the {self._split} split has {self._length}")
        random = Random(self._seed, SPLITS.index(self._split), int(index))
        # Settled before anything can be refused, so that the options mean the shares they say.
        pulled, barred = random.uniform() < self._gravity, random.uniform() < self._occluder
        count = 1 + int(random.uniform() * self._max_objects)
        for _ in range(TRIES):
            scene = self._try_scene(random, pulled, barred, count)
            if scene:
                return scene
        raise InputError(f"worlds: no room for {count} objects in a frame of {self._shape[1:]}")

    def _try_scene(self, random: Random, pulled: bool, barred: bool, count: int) -> Scene | None:
        """One draw, with gravity and a bar or without; None if no room or badly seen."""
        height, width = self._shape[1:]
        gravity = scenes.GRAVITY * min(height, width) if pulled else 0.0
        bar = scenes.draw_bar(random, height, width) if barred else None
        objects = draw_objects(random, self._kinds, count, gravity, (height, width), bar)
        return self._play(random, objects, gravity, bar) if len(objects.bodies) == count else None

    def _play(
        self, random: Random, objects: Objects, gravity: float, bar: Box | None
    ) -> Scene | None:
        """What becomes of the objects; None if badly seen."""
        frames, height, width = self._shape
        states, bounced = simulate(objects.bodies, frames, width, height, gravity)
        if bar and not scenes.any_behind(states, bar) and random.uniform() > IDLE_BARS:
            return None
        states_TK4 = np.array(states)
        covers = coverages(objects, states_TK4, height, width)
        front = box_coverage(bar, height, width) if bar else None
        seen_TK = shares_seen(covers, front)
        if bar and ((seen_TK > 0.97).sum(0) < max(1, frames // 3)).any():
            return None  # What a caption names can be seen, and its shape told.
        truth = truth_of(objects, states_TK4, seen_TK, bounced, gravity, bar)
        return Scene(truth, covers, front)

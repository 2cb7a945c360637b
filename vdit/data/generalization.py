"""Clips of the embedded world that ask a model for what training did, or did not, show it.

The three tests of 2411.02385, in and out of distribution and of unseen combinations, and bars from
behind which an object comes out; each differs from the first in one thing.
"""

import dataclasses
import functools
from collections.abc import Mapping
from itertools import chain, islice
from typing import Any

import numpy as np

from vdit.data.truth import Truth
from vdit.data.wording import PULLED
from vdit.data.worlds import Worlds

SEEN = 0.5  # of an object's area: what is hidden more has no position to be wrong about
FASTER = (1.25, 1.75)  # least and most speed, times the most of training
SMALLER, LARGER = 0.75, 1.25  # radii, times the least and the most of training
FAST = 0.75  # of the most speed: who goes slower comes out of no bar before the clip ends
DRAWS = 100  # for each clip that is wanted, of which about 15 in a hundred serve in 9 frames

Options = Mapping[str, Any]  # of `Worlds`


@dataclasses.dataclass(frozen=True)
class Clip:
    """Clip `index` of a world, drawn once."""

    world: Worlds
    index: int

    @functools.cached_property
    def truth(self) -> Truth:
        """What is there, and where."""
        return self.world.truth(self.index)

    @functools.cached_property
    def video(self) -> np.ndarray:
        """uint8 (T, H, W, 3)."""
        return self.world[self.index]["video"]


def clips(options: Options, count: int) -> dict[str, list[Clip]]:
    """`count` clips of each test of a run's world, by its options; those of "unseen" are only
    there where it held combinations out."""
    plain = _plain(options)
    found = {"in": _first(plain, count), "out": _first(_beyond(plain), count)}
    held_out = options["held_out"]
    parts = [len(range(i, count, len(held_out))) for i in range(len(held_out))]
    unseen = [_first(_only(options, c), n) for c, n in zip(held_out, parts, strict=True) if n]
    return found | ({"unseen": list(chain(*unseen))} if unseen else {})


def out_again(truth: Truth, made_T: np.ndarray) -> np.ndarray:
    """(T, K) bool: an object in sight in a frame to be made that was hidden in one before."""
    hidden_TK = np.logical_or.accumulate(truth.visibility < SEEN, axis=0)
    return hidden_TK & (truth.visibility >= SEEN) & made_T[:, None]


def bars(options: Options, count: int, made_T: np.ndarray) -> list[Clip]:
    """Up to `count` clips in which a small, fast object comes out from behind a bar in a frame to
    be made; none where training has no bars."""
    if not options["occluder"]:
        return []
    most, (smallest, *others) = options["speeds"][1], options["sizes"]
    larger = {word for word, _ in others}
    fast = {"occluder": 1.0, "sizes": (smallest,), "speeds": (FAST * most, most)}
    fast["held_out"] = [c for c in options["held_out"] if not larger & set(c.split())]
    drawn = _first(_plain(options) | fast, DRAWS * count)
    return list(islice((c for c in drawn if out_again(c.truth, made_T).any()), count))


def _plain(options: Options) -> dict[str, Any]:
    """One object and no bar; no gravity, unless all clips have it."""
    gravity = float(options["gravity"] == 1)
    return {**options, "max_objects": 1, "occluder": 0.0, "gravity": gravity}


def _beyond(plain: Options) -> dict[str, Any]:
    """Faster, and smaller or larger, than any object of training, the words as there."""
    (small, least), (large, most) = plain["sizes"][0], plain["sizes"][-1]
    sizes = {small: SMALLER * least} | ({large: LARGER * most} if large != small else {})
    gone = {word for word, _ in plain["sizes"]} - set(sizes)
    held_out = [c for c in plain["held_out"] if not gone & set(c.split())]
    speeds = tuple(f * plain["speeds"][1] for f in FASTER)
    return {**plain, "sizes": sizes, "speeds": speeds, "held_out": held_out}


def _only(options: Options, combination: str) -> dict[str, Any]:
    """The world of objects that have all of a combination's words, which it holds out no more."""
    words = set(combination.split())
    plain = _plain(options) | {"held_out": ()}
    if words & set(PULLED):
        plain["gravity"] = 1.0
    for name in ("shapes", "colours", "motions"):
        plain[name] = tuple(w for w in options[name] if w in words) or options[name]
    plain["sizes"] = [s for s in options["sizes"] if s[0] in words] or options["sizes"]
    return plain


def _first(options: Options, count: int) -> list[Clip]:
    world = Worlds(**{**options, "length": count, "split": "validation"})
    return [Clip(world, i) for i in range(count)]

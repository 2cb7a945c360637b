"""What chance decides in a clip of the embedded world: its numbers, its motions, its places."""

import math
from collections.abc import Sequence
from typing import TypeVar

import numpy as np

from vdit.data.bounces import State
from vdit.data.render import Box
from vdit.data.wording import Phrase

T = TypeVar("T")

# Lengths are shares of the frame's shorter side, times are frames.
SPEED = (0.016, 0.078)  # 0.5 to 2.5 px/frame at 32 px
GRAVITY = 0.01
JUMP = (0.06, 0.1)  # upward speed of a jump
BAR = (0.22, 0.3)  # thickness of the occluder
TRIES = 200  # of drawing what fits, before there is said to be nothing
BEHIND = 0.75  # an object seen less than this in some frame "goes behind"


class Random:
    """Random numbers from raw Philox bits: NumPy promises those streams never change."""

    def __init__(self, *entropy: int):
        self._bits = np.random.Philox(np.random.SeedSequence(entropy))
        self._buffer = []

    def uniform(self, low: float = 0.0, high: float = 1.0) -> float:
        """A number in [low, high)."""
        if not self._buffer:
            self._buffer = ((self._bits.random_raw(64) >> 11) * 2.0**-53).tolist()
        return low + (high - low) * self._buffer.pop()

    def choice(self, options: Sequence[T]) -> T:
        """One of the options, all as likely."""
        return options[int(self.uniform() * len(options))]

    def direction(self) -> tuple[str, float, float]:
        """(axis, unit vector) within 37 degrees of left, right, up or down; no sin, no cos."""
        while True:
            x, y = self.uniform(-1, 1), self.uniform(-1, 1)
            length = math.sqrt(x * x + y * y)
            small, large = sorted((abs(x), abs(y)))
            if 0.1 < length <= 1 and small <= 0.75 * large:
                break
        axis = ("left", "right")[x > 0] if abs(x) > abs(y) else ("up", "down")[y > 0]
        return axis, x / length, y / length


def draw_bar(random: Random, height: int, width: int) -> Box:
    """A bar from wall to wall, upright or flat: (left, top, right, bottom)."""
    upright = random.uniform() < 0.5
    span = width if upright else height
    thick = random.uniform(*BAR) * min(height, width)
    start = random.uniform(0.3, 0.7) * span - thick / 2
    return (start, 0.0, start + thick, height) if upright else (0.0, start, width, start + thick)


def draw_motion(
    random: Random, gravity: float, unit: float, speeds: tuple[float, float] = SPEED
) -> tuple[str, float, float]:
    """(motion, vx, vy) in px/frame."""
    if not gravity:
        motion, x, y = random.direction()
        speed = random.uniform(*speeds) * unit
        return motion, x * speed, y * speed
    vx = random.uniform(-0.5, 0.5) * speeds[1] * unit
    if random.uniform() < 0.5:
        return "fall", vx, random.uniform(0.0, speeds[0]) * unit
    return "jump", vx, -random.uniform(*JUMP) * unit


def any_behind(states: Sequence[Sequence[State]], bar: Box) -> bool:
    """Whether the centre of any object is behind the bar in any frame."""
    left, top, right, bottom = bar
    return any(left < x < right and top < y < bottom for state in states for x, y, _, _ in state)


def mention_bar(phrases: Sequence[Phrase], seen_TK: np.ndarray) -> list[Phrase]:
    """Names the bar with all who pass behind it; with the last one if nobody does."""
    behind = (seen_TK.min(0) < BEHIND).tolist()
    named = [p._replace(bar="behind" if b else "") for p, b in zip(phrases, behind, strict=True)]
    if not any(behind):
        named[-1] = named[-1]._replace(bar="beside")
    return named

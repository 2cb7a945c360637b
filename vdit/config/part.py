"""What networks are made of, as all sums see it: products, attention, norms, and what they keep.

A part says, of one clip, its FLOPs, its weights and the bytes of its activations, and of each which
axis it has, so that a mesh can split it. A family is a list of parts (`vdit.config.network`); what
is counted, kept, split and moved follows from that list. No JAX here.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

Axes = tuple[str | None, ...]  # names of an array's axes (`vdit.config.devices`)

SPLIT = ("heads", "mlp")  # axes of activations that `tensor` splits


class Weight(NamedTuple):
    """One array: its path in the model, its shape, the names of its axes."""

    name: str
    shape: tuple[int, ...]
    axes: Axes

    @property
    def size(self) -> int:
        """How many numbers it has."""
        return math.prod(self.shape)


class ActivationBytes(NamedTuple):
    """Of what `tensor` does not split, of heads and hidden units, of attention's probabilities."""

    unsplit: float = 0.0
    split: float = 0.0
    scores: float = 0.0

    def __add__(self, other: "ActivationBytes") -> "ActivationBytes":
        return ActivationBytes(*map(sum, zip(self, other, strict=True)))

    def __mul__(self, times: int) -> "ActivationBytes":
        return ActivationBytes(*(times * size for size in self))


NOTHING = ActivationBytes()


def named(size: float, axis: str | None) -> ActivationBytes:
    """Bytes of an array whose last axis has this name."""
    return ActivationBytes(split=size) if axis in SPLIT else ActivationBytes(unsplit=size)


class Part:
    """What a part has where it does not say otherwise; `item` is the bytes of a number."""

    flops = 0  # of a forward pass
    remade = False  # whether `remat="dots"` does these FLOPs again
    weights: Sequence[Weight] = ()  # all arrays that are trained

    def kept(self, item: int) -> ActivationBytes:
        """What the backward pass needs of the forward pass."""
        return NOTHING

    def made(self, item: int) -> ActivationBytes:
        """What `remat="dots"` keeps of it: what products and attention made, numbers of norms."""
        return NOTHING

    def moved(self, item: int) -> ActivationBytes:
        """What its kernel reads and writes of a clip's tokens in a forward pass."""
        return NOTHING

"""Where a weight under a PyTorch name lies in a Flax model's state, and in which layout."""

from typing import NamedTuple

import numpy as np

UNSPLIT = (0, 1)


class WeightPath(NamedTuple):
    """A path in the model's state, the layer of a stack (None: not stacked), how it is laid out.

    Part (i, n) is the i-th of n that lie side by side along the last axis; names of one path are
    copies.
    """

    path: tuple
    layer: int | None
    layout: str  # kernel | conv | labels | table | same
    part: tuple[int, int] = UNSPLIT


def dense(
    name: str,
    path: tuple,
    layer: int | None = None,
    layout: str = "kernel",
    part: tuple[int, int] = UNSPLIT,
) -> dict[str, WeightPath]:
    """The paths of a dense layer's two weights."""
    return {
        f"{name}.weight": WeightPath((*path, "kernel"), layer, layout, part),
        f"{name}.bias": WeightPath((*path, "bias"), layer, "same", part),
    }


def to_flax(array: np.ndarray, layout: str) -> np.ndarray:
    """PyTorch's layout to Flax's: a kernel (out, in) becomes (in, out).

    A convolution (D, C, p, p) becomes a kernel (p p C, D); the null label, PyTorch's last, comes
    first; a table loses its axis of one.
    """
    if layout == "conv":
        return array.transpose(2, 3, 1, 0).reshape(-1, len(array))
    if layout == "labels":
        return np.roll(array, 1, axis=0)
    return {"kernel": array.T, "table": array[0]}.get(layout, array)


def to_pytorch(array: np.ndarray, layout: str, patch: int) -> np.ndarray:
    """The inverse of `to_flax`."""
    if layout == "conv":
        return array.reshape(patch, patch, -1, array.shape[-1]).transpose(3, 2, 0, 1)
    if layout == "labels":
        return np.roll(array, -1, axis=0)
    return {"kernel": array.T, "table": array[None]}.get(layout, array)

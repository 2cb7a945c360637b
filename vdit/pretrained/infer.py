"""The shape of a published model, read off the shapes of its weights."""

import math

import numpy as np

from vdit.errors import InputError
from vdit.models.positions import frame_table, place_table
from vdit.sizes import Shape, checked

ATTENTION = {"dit": "full", "latte": "interleaved"}
LABELS = "y_embedder.embedding_table.weight"
SHOWN = 12  # names in an error's line


def infer(weights: dict[str, np.ndarray], kind: str, heads: int) -> Shape:
    """The `Shape` of a DiT or Latte with these PyTorch-named weights; `InputError` where none fits.

    Positions are the fixed tables where the stored ones are those, otherwise learned.
    """
    width, channels, patch, _ = _axes(weights, "x_embedder.proj.weight", 4)
    frames = _axes(weights, "temp_embed", 3)[1] if kind == "latte" else 1
    side = _side(_axes(weights, "pos_embed", 3)[1])
    shape = Shape(
        latent=(frames, side * patch, side * patch, channels),
        patch=(1, patch, patch),
        width=width,
        depth=_depth(weights),
        heads=heads,
        mlp_ratio=_axes(weights, "blocks.0.mlp.fc1.weight", 2)[0] / width,
        frequencies=_axes(weights, "t_embedder.mlp.0.weight", 2)[1],
        attention=ATTENTION[kind],
        condition="label" if LABELS in weights else "none",
        vocabulary=_axes(weights, LABELS, 2)[0] if LABELS in weights else 0,
        positions="sincos" if _fixed(weights, width, side, frames) else "learned",
        qk_norm=False,
        learn_sigma=_learn_sigma(weights, patch * patch * channels),
    )
    return checked(shape)


def listed(names) -> str:
    """The names in order, cut where the line would be too long to read."""
    names = sorted(names)
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more


def _axes(weights, name: str, count: int) -> tuple[int, ...]:
    if name not in weights:
        raise InputError(f"the state dict lacks {name}; it has {listed(weights) or 'no names'}")
    if weights[name].ndim != count:
        raise InputError(f"{name}: shape {weights[name].shape}: expected {count} axes")
    return weights[name].shape


def _side(patches: int) -> int:
    side = math.isqrt(patches)
    if side * side != patches:
        raise InputError(f"pos_embed has {patches} places: expected a square number")
    return side


def _depth(weights) -> int:
    numbers = [name.split(".")[1] for name in weights if name.startswith("blocks.")]
    return 1 + max((int(n) for n in numbers if n.isdecimal()), default=-1)


def _learn_sigma(weights, numbers: int) -> bool:
    rows = _axes(weights, "final_layer.linear.weight", 2)[0]
    if rows not in (numbers, 2 * numbers):
        raise InputError(
            f"final_layer.linear.weight: {rows} rows: expected {numbers}, the numbers in a patch, "
            f"or {2 * numbers} with a learned variance"
        )
    return rows == 2 * numbers


def _fixed(weights, width: int, side: int, frames: int) -> bool:
    """Whether the stored tables are the fixed ones, as exactly as their dtype can tell."""
    tables = {"pos_embed": place_table(side, side, width)}
    if frames > 1:
        tables["temp_embed"] = frame_table(frames, width)
    return all(_close(weights[name], table) for name, table in tables.items())


def _close(stored: np.ndarray, table: np.ndarray) -> bool:
    half = stored.dtype.itemsize < 4
    return stored.shape[1:] == table.shape and np.allclose(
        stored[0].astype(np.float32), table, rtol=0, atol=5e-3 if half else 1e-5
    )

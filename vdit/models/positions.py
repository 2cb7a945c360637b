"""Where a token is, as a vector added to it: the fixed tables of DiT and Latte, or learned ones.

A table of places (H W, D) is added to the tokens of every frame; one of frames (T, D), where the
model is made for more than one, to those of every place. Rotary positions are in `embed`.
"""

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from vdit.config.model_config import ModelConfig
from vdit.errors import InputError

Grid = tuple[int, int, int]


def waves(positions: np.ndarray, size: int) -> np.ndarray:
    """(N,) positions to (N, size): sines, then cosines, of periods to 10,000 (1706.03762)."""
    rate = 10_000.0 ** (-np.arange(size // 2) / (size / 2))
    angle = np.outer(positions, rate)
    return np.concatenate([np.sin(angle), np.cos(angle)], axis=1)


def frame_table(frames: int, width: int) -> np.ndarray:
    """(T, D) float32: Latte's fixed table of frames (2401.03048)."""
    return waves(np.arange(frames), width).astype(np.float32)


def place_table(height: int, across: int, width: int) -> np.ndarray:
    """(H W, D) float32: DiT's fixed table (2212.09748); half of D for the column, half the row."""
    row, column = np.divmod(np.arange(height * across), across)
    halves = [waves(place, width // 2) for place in (column, row)]
    return np.concatenate(halves, axis=1).astype(np.float32)


class FixedPositions(nnx.Module):
    """places, frames = positions(grid): the fixed tables, for a grid of any size."""

    def __init__(self, shape: ModelConfig):
        self.width, self.video = shape.width, shape.grid[0] > 1

    def __call__(self, grid: Grid) -> tuple[jax.Array, jax.Array | None]:
        frames = jnp.asarray(frame_table(grid[0], self.width)) if self.video else None
        return jnp.asarray(place_table(*grid[1:], self.width)), frames


class LearnedPositions(nnx.Module):
    """The same with trained tables, which know the places of the training clips and no others."""

    def __init__(self, shape: ModelConfig, *, rngs):
        self.grid, (frames, height, across), width = shape.grid, shape.grid, shape.width
        normal = nnx.with_partitioning(nnx.initializers.normal(width**-0.5), (None, "embed"))
        self.places = nnx.Param(normal(rngs.params(), (height * across, width)))
        self.frames = nnx.Param(normal(rngs.params(), (frames, width))) if frames > 1 else None

    def __call__(self, grid: Grid) -> tuple[jax.Array, jax.Array | None]:
        if any(n > known for n, known in zip(grid, self.grid, strict=True)):
            raise InputError(f"{grid} patches: learned positions know {self.grid}, no more")
        places = self.places[...].reshape(*self.grid[1:], -1)[: grid[1], : grid[2]]
        frames = None if self.frames is None else self.frames[...][: grid[0]]
        return places.reshape(-1, places.shape[-1]), frames


def create(shape: ModelConfig, *, rngs) -> FixedPositions | LearnedPositions | None:
    """What `shape.positions` asks for; None for rotary ones."""
    if shape.positions == "learned":
        return LearnedPositions(shape, rngs=rngs)
    return FixedPositions(shape) if shape.positions == "sincos" else None


def over_places(table: jax.Array, grid: Grid) -> jax.Array:
    """(H W, D) to (N, D): the same in every frame."""
    return jnp.tile(table, (grid[0], 1))


def over_frames(table: jax.Array, grid: Grid) -> jax.Array:
    """(T, D) to (N, D): the same at every place."""
    return jnp.repeat(table, grid[1] * grid[2], axis=0)

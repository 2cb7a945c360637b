"""Where a token is, as a vector added to it: the fixed tables of DiT and Latte, or learned ones.

A spatial table (H W, D) is added to the tokens of every frame; a temporal one (T, D), where the
model is made for more than one frame, to those of every position. Rotary ones are in `embed`.
"""

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from vdit.config.model_config import ModelConfig
from vdit.errors import InputError
from vdit.models.embed import Grid


def sincos(positions: np.ndarray, size: int) -> np.ndarray:
    """(N,) positions to (N, size): sines, then cosines, of periods to 10,000 (1706.03762)."""
    rate = 10_000.0 ** (-np.arange(size // 2) / (size / 2))
    angle = np.outer(positions, rate)
    return np.concatenate([np.sin(angle), np.cos(angle)], axis=1)


def temporal_table(frames: int, width: int) -> np.ndarray:
    """(T, D) float32: Latte's fixed table (2401.03048)."""
    return sincos(np.arange(frames), width).astype(np.float32)


def spatial_table(height: int, across: int, width: int) -> np.ndarray:
    """(H W, D) float32: DiT's fixed table (2212.09748); half of D for the column, half the row."""
    row, column = np.divmod(np.arange(height * across), across)
    halves = [sincos(index, width // 2) for index in (column, row)]
    return np.concatenate(halves, axis=1).astype(np.float32)


class FixedPositions(nnx.Module):
    """spatial, temporal = positions(grid): the fixed tables, for a grid of any size."""

    def __init__(self, config: ModelConfig):
        self.width, self.video = config.width, config.grid[0] > 1

    def __call__(self, grid: Grid) -> tuple[jax.Array, jax.Array | None]:
        temporal = jnp.asarray(temporal_table(grid[0], self.width)) if self.video else None
        return jnp.asarray(spatial_table(*grid[1:], self.width)), temporal


class LearnedPositions(nnx.Module):
    """The same with trained tables, which know the training clips' positions and no others."""

    def __init__(self, config: ModelConfig, *, rngs: nnx.Rngs):
        self.grid, (frames, height, across), width = config.grid, config.grid, config.width
        normal = nnx.with_partitioning(nnx.initializers.normal(width**-0.5), (None, "embed"))
        self.places = nnx.Param(normal(rngs.params(), (height * across, width)))
        self.frames = nnx.Param(normal(rngs.params(), (frames, width))) if frames > 1 else None

    def __call__(self, grid: Grid) -> tuple[jax.Array, jax.Array | None]:
        if any(n > known for n, known in zip(grid, self.grid, strict=True)):
            raise InputError(f"{grid} patches: learned positions know {self.grid}, no more")
        spatial = self.places[...].reshape(*self.grid[1:], -1)[: grid[1], : grid[2]]
        temporal = None if self.frames is None else self.frames[...][: grid[0]]
        return spatial.reshape(-1, spatial.shape[-1]), temporal


def create(config: ModelConfig, *, rngs: nnx.Rngs) -> FixedPositions | LearnedPositions | None:
    """What `config.positions` asks for; None for rotary ones."""
    if config.positions == "learned":
        return LearnedPositions(config, rngs=rngs)
    return FixedPositions(config) if config.positions == "sincos" else None


def spatial_to_tokens(table: jax.Array, grid: Grid) -> jax.Array:
    """(H W, D) to (N, D): the same in every frame."""
    return jnp.tile(table, (grid[0], 1))


def temporal_to_tokens(table: jax.Array, grid: Grid) -> jax.Array:
    """(T, D) to (N, D): the same at every position of a frame."""
    return jnp.repeat(table, grid[1] * grid[2], axis=0)

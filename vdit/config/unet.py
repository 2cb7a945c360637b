"""The plan of the space-time U-Net: which blocks there are, how wide, on what grid. No JAX here.

Of a `ModelConfig` the width D is that of the finest level, the depth the blocks of a level on the
way down and again on the way up, the heads those of the finest level; a head has one size at all.
"""

import dataclasses
from typing import NamedTuple

from vdit.config.model_config import ModelConfig
from vdit.errors import InputError

MULTIPLIERS = (1, 2, 4, 4)  # of D at each level, as in Stable Diffusion (2112.10752)
LEAST = 2  # patches along height and width at the coarsest level

Channels = tuple[int, int]  # channels into a block and out of it


def levels(c: ModelConfig) -> int:
    """How many levels the latents that the model is made for can be halved to, four at most."""
    count, (_, height, across) = 1, c.grid
    while count < len(MULTIPLIERS) and not (height % 2 or across % 2):
        height, across = height // 2, across // 2
        if min(height, across) < LEAST:
            break
        count += 1
    return count


def channels(c: ModelConfig) -> list[int]:
    """The channels of every level, finest first."""
    return [times * c.width for times in MULTIPLIERS[: levels(c)]]


def down_blocks(c: ModelConfig) -> list[list[Channels]]:
    """The blocks of every level, finest first; the first of a level widens."""
    before = [c.width, *channels(c)]
    return [_level(c, d_in, d) for d_in, d in zip(before, channels(c), strict=False)]


def up_blocks(c: ModelConfig) -> list[list[Channels]]:
    """The blocks of every level, coarsest first; each is handed its mirror image's output too."""
    coarse_first = channels(c)[::-1]
    before = [coarse_first[0], *coarse_first]
    pairs = zip(before, coarse_first, strict=False)
    return [[(d_in + d, d) for d_in, d in _level(c, below, d)] for below, d in pairs]


def _level(c: ModelConfig, before: int, d: int) -> list[Channels]:
    return [(before, d)] + [(d, d)] * (c.depth - 1)


def at_level(c: ModelConfig, level: int, width: int) -> ModelConfig:
    """What a level sees: its width, heads and grid, every patch one number."""
    t, h, w = c.grid
    latent = (t, h >> level, w >> level, 1)
    return dataclasses.replace(
        c, latent=latent, patch=(1, 1, 1), width=width, heads=width * c.heads // c.width
    )


class Block(NamedTuple):
    """Its name in `vdit.models.unet3d`, the channels that come in, and what its level sees."""

    name: str
    d_in: int
    level: ModelConfig


def blocks(c: ModelConfig) -> list[Block]:
    """Those of every level on the way down, the deepest, and those on the way up."""
    count, deepest = levels(c), channels(c)[-1]
    down = _named(c, "down", down_blocks(c), range(count))
    up = _named(c, "up", up_blocks(c), range(count)[::-1])
    return [*down, Block("middle", deepest, at_level(c, count - 1, deepest)), *up]


def _named(c: ModelConfig, way: str, plan: list[list[Channels]], order: range) -> list[Block]:
    return [
        Block(f"{way}.{i}.{j}", d_in, at_level(c, level, d))
        for (i, blocks), level in zip(enumerate(plan), order, strict=True)
        for j, (d_in, d) in enumerate(blocks)
    ]


def check_grid(grid: tuple[int, int, int], count: int) -> None:
    """`InputError` for a grid that `count` levels cannot halve."""
    parts = 2 ** (count - 1)
    for axis, n in zip("HW", grid[1:], strict=True):
        if n % parts:
            raise InputError(
                f"{axis} = {n} patches: a U-Net of {count} levels takes multiples of {parts}"
            )

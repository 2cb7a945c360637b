"""TAESD and its kin (madebyollin/taesd): tiny autoencoders of the latents of larger ones.

TAEF2 stands for FLUX.2's: 8x in space, 32 channels, about N(0, 0.85^2); images in [0, 1] inside.
"""

from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx

from vdit.autoencoders.conv2d import conv, group_norm, upsample_nearest

GROUPS = 4  # of the norm in the innermost blocks
EXPAND = 4
LIMIT = 3.0  # the decoder holds latents within +-3
DOWN = {"strides": 2, "use_bias": False}


class Block(nnx.Module):
    """relu(x + three convolutions of x); the innermost first mix channels by a 1x1 network."""

    def __init__(self, width: int, pool: bool, *, rngs: nnx.Rngs):
        def layer() -> nnx.Conv:
            return conv(width, width, rngs=rngs)

        self.conv = nnx.Sequential(layer(), jax.nn.relu, layer(), jax.nn.relu, layer())
        self.pool = _pool(width, rngs) if pool else None

    def __call__(self, x_BHWD: jax.Array) -> jax.Array:
        if self.pool is not None:
            x_BHWD = x_BHWD + self.pool(x_BHWD)
        return jax.nn.relu(x_BHWD + self.conv(x_BHWD))


def _pool(width: int, rngs: nnx.Rngs) -> nnx.Sequential:
    hidden = EXPAND * width
    return nnx.Sequential(
        conv(width, hidden, 1, use_bias=False, rngs=rngs),
        group_norm(hidden, GROUPS, 1e-5, rngs=rngs),
        jax.nn.relu,
        conv(hidden, width, 1, use_bias=False, rngs=rngs),
    )


class TAESD(nnx.Module):
    """z = model.encode(x), x = model.decode(z): images (B, H, W, 3) in [-1, 1] to latents
    (B, H/8, W/8, channels) and back. `pool`: the innermost blocks mix channels, as in TAEF2.
    """

    def __init__(self, channels: int, width: int, pool: bool, *, rngs: nnx.Rngs):
        self.time, self.space, self.channels = 1, 8, channels

        def blocks(count: int, pool: bool = False) -> list[Block]:
            return [Block(width, pool, rngs=rngs) for _ in range(count)]

        def layer(d_in: int = width, d_out: int = width, **kwargs: Any) -> nnx.Conv:
            return conv(d_in, d_out, rngs=rngs, **kwargs)

        down = [layer(3), *blocks(1)]
        for inner in (False, False, pool):
            down += [layer(**DOWN), *blocks(3, inner)]
        up = [_clamp, layer(channels), jax.nn.relu]
        for inner in (pool, False, False):
            up += [*blocks(3, inner), upsample_nearest, layer(use_bias=False)]
        self.encoder = nnx.Sequential(*down, layer(d_out=channels))
        self.decoder = nnx.Sequential(*up, *blocks(1), layer(d_out=3))

    def encode(self, x_BHWC: jax.Array) -> jax.Array:
        return self.encoder((x_BHWC + 1) / 2)

    def decode(self, z_BhwC: jax.Array) -> jax.Array:
        return 2 * self.decoder(z_BhwC) - 1


def _clamp(z: jax.Array) -> jax.Array:
    return LIMIT * jnp.tanh(z / LIMIT)

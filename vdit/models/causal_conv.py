"""What the causal autoencoder is made of; all convolutions run on the small latent grid.

Pixels become channels before the first convolution: that makes the model quick on a CPU.
"""

import jax
import jax.numpy as jnp
from flax import nnx
from jax.typing import DTypeLike

from vdit.models import embed
from vdit.models.layers import Dense, zeros_dense
from vdit.models.norms import RMSNorm

COLOURS = 3
EXPAND = 2  # XLA runs a convolution on all CPU cores from about 128 outputs on


class CausalConv(nnx.Module):
    """A (taps, 3, 3) convolution that sees this frame and the taps - 1 before it (2310.05737).

    The frames are folded into the batch and the taps into the channels: one 2-D convolution, on a
    CPU twice as fast as XLA's 3-D one and its gradients.
    """

    def __init__(
        self,
        d_in: int,
        d_out: int,
        taps: int,
        *,
        zero: bool = False,
        rngs: nnx.Rngs,
        dtype: DTypeLike | None = None,
    ):
        init = nnx.initializers.zeros_init() if zero else nnx.initializers.lecun_normal()
        init = nnx.with_partitioning(init, (None, None, "embed", "mlp"))
        kw = {"kernel_init": init, "dtype": dtype, "rngs": rngs}
        self.taps = taps
        self.conv = nnx.Conv(taps * d_in, d_out, (3, 3), **kw)

    def __call__(self, x_BTHWC: jax.Array) -> jax.Array:
        B, T, H, W, _ = x_BTHWC.shape
        past = jnp.pad(x_BTHWC, ((0, 0), (self.taps - 1, 0), (0, 0), (0, 0), (0, 0)))
        frames = jnp.concatenate([past[:, i : i + T] for i in range(self.taps)], axis=-1)
        return self.conv(frames.reshape(B * T, H, W, -1)).reshape(B, T, H, W, -1)


class Block(nnx.Module):
    """x + dense(silu(conv(norm(x)))): zero at the start, so a deep stack starts as the identity."""

    def __init__(self, width: int, *, rngs: nnx.Rngs):
        self.norm = RMSNorm(width, rngs=rngs)
        self.conv = CausalConv(width, EXPAND * width, taps=1, rngs=rngs)
        self.out = zeros_dense(EXPAND * width, width, ("mlp", "embed"), rngs=rngs)

    def __call__(self, x_BTHWD: jax.Array) -> jax.Array:
        return x_BTHWD + self.out(nnx.silu(self.conv(self.norm(x_BTHWD))))


class Patches(nnx.Module):
    """Frames to vectors of the latent grid: the first frame and the groups each by a matrix."""

    def __init__(self, space: int, time: int, width: int, *, rngs: nnx.Rngs):
        self.space, self.time = space, time
        frame = COLOURS * space**2
        self.first = Dense(frame, width, (None, "embed"), rngs=rngs)
        self.group = Dense(frame * time, width, (None, "embed"), rngs=rngs)

    def __call__(self, x_BTHWC: jax.Array) -> jax.Array:
        first = self.first(patchify(x_BTHWC[:, :1], 1, self.space))
        if x_BTHWC.shape[1] == 1:
            return first
        groups = self.group(patchify(x_BTHWC[:, 1:], self.time, self.space))
        return jnp.concatenate([first, groups], axis=1)


class Pixels(nnx.Module):
    """Vectors of the latent grid to frames, the mirror of `Patches`; grey (zero) at the start."""

    def __init__(self, space: int, time: int, width: int, *, rngs: nnx.Rngs):
        self.space, self.time = space, time
        frame = COLOURS * space**2
        self.first = zeros_dense(width, frame, ("embed", None), rngs=rngs)
        self.group = zeros_dense(width, frame * time, ("embed", None), rngs=rngs)

    def __call__(self, x_BThwD: jax.Array) -> jax.Array:
        first = unpatchify(self.first(x_BThwD[:, :1]), 1, self.space)
        if x_BThwD.shape[1] == 1:
            return first
        groups = unpatchify(self.group(x_BThwD[:, 1:]), self.time, self.space)
        return jnp.concatenate([first, groups], axis=1)


def patchify(x_BTHWC: jax.Array, time: int, space: int) -> jax.Array:
    """Boxes of time x space x space pixels to vectors: (B, T/time, H/space, W/space, P)."""
    B, T, H, W, C = x_BTHWC.shape
    x_BNP = embed.patchify(x_BTHWC, (time, space, space))
    return x_BNP.reshape(B, T // time, H // space, W // space, time * space**2 * C)


def unpatchify(x_BThwP: jax.Array, time: int, space: int) -> jax.Array:
    """The inverse of `patchify`."""
    B, T, h, w, P = x_BThwP.shape
    shape = T * time, h * space, w * space, P // (time * space**2)
    return embed.unpatchify(x_BThwP.reshape(B, -1, P), (time, space, space), shape)

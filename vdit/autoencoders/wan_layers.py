"""Layers of Wan 2.1's causal video autoencoder (2503.20314, section 4.1), under diffusers' names.

A layer that looks back in time asks a `Past` for the frames before: a video in chunks of any length
is coded as it is in one piece.
"""

from collections.abc import Sequence

import jax
import jax.numpy as jnp
from flax import nnx

from vdit.autoencoders.conv2d import conv, upsample_nearest

Kept = list[jax.Array]


class Past:
    """What layers keep of the frames before, by the order in which they ask; `kept` is for the next
    chunk. Without a past a video starts: before its first frame all is zero."""

    def __init__(self, kept: Sequence[jax.Array] | None = None):
        self.starts, self._former, self.kept = kept is None, iter(kept or ()), []

    def before(self, x_BTHWD: jax.Array, frames: int) -> jax.Array:
        """x behind the frames before it, (B, frames + T, H, W, D)."""
        B, _, *rest = x_BTHWD.shape
        past = jnp.zeros((B, frames, *rest)) if self.starts else next(self._former)
        x = jnp.concatenate([past, x_BTHWD], axis=1)
        self.kept.append(x[:, -frames:])
        return x


class CausalConv(nnx.Conv):
    """A 3x3x3 convolution that sees a frame and the two before it."""

    def __init__(self, d_in: int, d_out: int, *, rngs: nnx.Rngs):
        padding = ((0, 0), (1, 1), (1, 1))
        super().__init__(d_in, d_out, (3, 3, 3), padding=padding, rngs=rngs)

    def __call__(self, x_BTHWD: jax.Array, past: Past) -> jax.Array:
        return super().__call__(past.before(x_BTHWD, 2))


class RMSNorm(nnx.Module):
    """sqrt(D) gamma x / max(|x|, 1e-12) (1910.07467). Its gamma has as many axes as PyTorch's."""

    def __init__(self, width: int, axes: int = 4):
        self.gamma = nnx.Param(jnp.ones((1,) * (axes - 1) + (width,)))

    def __call__(self, x_BTHWD: jax.Array) -> jax.Array:
        length = jnp.linalg.norm(x_BTHWD, axis=-1, keepdims=True)
        return x_BTHWD / jnp.maximum(length, 1e-12) * x_BTHWD.shape[-1] ** 0.5 * self.gamma[...]


class ResidualBlock(nnx.Module):
    """x + conv(silu(norm(conv(silu(norm(x)))))); a matrix times x where the width changes."""

    def __init__(self, d_in: int, d_out: int, *, rngs: nnx.Rngs):
        self.norm1, self.conv1 = RMSNorm(d_in), CausalConv(d_in, d_out, rngs=rngs)
        self.norm2, self.conv2 = RMSNorm(d_out), CausalConv(d_out, d_out, rngs=rngs)
        self.conv_shortcut = pointwise(d_in, d_out, rngs=rngs) if d_in != d_out else None

    def __call__(self, x_BTHWD: jax.Array, past: Past) -> jax.Array:
        h = self.conv1(nnx.silu(self.norm1(x_BTHWD)), past)
        h = self.conv2(nnx.silu(self.norm2(h)), past)
        return h + (x_BTHWD if self.conv_shortcut is None else self.conv_shortcut(x_BTHWD))


class Attention(nnx.Module):
    """x + attention of the pixels of each frame among themselves, with one head."""

    def __init__(self, width: int, *, rngs: nnx.Rngs):
        self.norm = RMSNorm(width, axes=3)
        self.to_qkv, self.proj = (conv(width, n * width, 1, rngs=rngs) for n in (3, 1))

    def __call__(self, x_BTHWD: jax.Array) -> jax.Array:
        B, T, H, W, D = x_BTHWD.shape
        qkv = self.to_qkv(self.norm(x_BTHWD)).reshape(B * T, H * W, 1, 3 * D)
        y = jax.nn.dot_product_attention(*jnp.split(qkv, 3, axis=-1))
        return x_BTHWD + self.proj(y.reshape(x_BTHWD.shape))


class Downsample(nnx.Module):
    """Every second pixel of a convolution, then, if `time`, every second frame of one over time.

    The first frame of a video has no past and is not convolved over time.
    """

    def __init__(self, width: int, time: bool, *, rngs: nnx.Rngs):
        halved = conv(width, width, strides=2, padding="VALID", rngs=rngs)
        self.resample = nnx.Sequential(_row_and_column_after, halved)
        self.time_conv = _over_time(width, width, strides=(2, 1, 1), rngs=rngs) if time else None

    def __call__(self, x_BTHWD: jax.Array, past: Past) -> jax.Array:
        x = self.resample(x_BTHWD)
        if self.time_conv is None:
            return x
        frames = past.before(x, 2)
        if past.starts:
            return jnp.concatenate([x[:, :1], self.time_conv(frames)[:, 1:]], axis=1)
        return self.time_conv(frames[:, 1:])


class Upsample(nnx.Module):
    """If `time`, two frames of each by a convolution over time; then every pixel four times, and a
    convolution to half the width.

    The first frame of a video stays one and is not seen by those behind it.
    """

    def __init__(self, width: int, time: bool, *, rngs: nnx.Rngs):
        self.resample = nnx.Sequential(upsample_nearest, conv(width, width // 2, rngs=rngs))
        self.time_conv = _over_time(width, 2 * width, rngs=rngs) if time else None

    def __call__(self, x_BTHWD: jax.Array, past: Past) -> jax.Array:
        x = x_BTHWD
        if self.time_conv is not None:
            first, rest = (x[:, :1], x[:, 1:]) if past.starts else (x[:, :0], x)
            x = jnp.concatenate([first, self._doubled(past.before(rest, 2))], axis=1)
        return self.resample(x)

    def _doubled(self, x_BTHWD: jax.Array) -> jax.Array:
        B, T, H, W, D = x_BTHWD.shape
        if T == 2:  # the past alone
            return x_BTHWD[:, :0]
        pairs = self.time_conv(x_BTHWD).reshape(B, T - 2, H, W, 2, D)
        return jnp.moveaxis(pairs, 4, 2).reshape(B, -1, H, W, D)


class Middle(nnx.Module):
    """A residual block, attention, another residual block."""

    def __init__(self, width: int, *, rngs: nnx.Rngs):
        self.resnets = nnx.List([ResidualBlock(width, width, rngs=rngs) for _ in range(2)])
        self.attentions = nnx.List([Attention(width, rngs=rngs)])

    def __call__(self, x_BTHWD: jax.Array, past: Past) -> jax.Array:
        x = self.attentions[0](self.resnets[0](x_BTHWD, past))
        return self.resnets[1](x, past)


def pointwise(d_in: int, d_out: int, *, rngs: nnx.Rngs) -> nnx.Conv:
    """A matrix for each pixel, stored as a 1x1x1 convolution."""
    return nnx.Conv(d_in, d_out, (1, 1, 1), rngs=rngs)


def _over_time(
    d_in: int, d_out: int, strides: tuple[int, ...] | int = 1, *, rngs: nnx.Rngs
) -> nnx.Conv:
    return nnx.Conv(d_in, d_out, (3, 1, 1), strides, padding="VALID", rngs=rngs)


def _row_and_column_after(x_BTHWD: jax.Array) -> jax.Array:
    return jnp.pad(x_BTHWD, ((0, 0), (0, 0), (0, 1), (0, 1), (0, 0)))

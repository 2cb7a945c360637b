"""What goes in: patches, rotary positions, timesteps, captions."""

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jax.typing import DTypeLike

from vdit.errors import InputError
from vdit.models.layers import Dense, zeros_dense
from vdit.parallel.sharding import platform, replicate

Patch = tuple[int, int, int]  # frames, height, width
Grid = tuple[int, int, int]  # patches along time, height and width
BASE = 100.0  # of the wave lengths of rotary positions


def grid_of(shape: tuple[int, ...], patch: Patch) -> Grid:
    """Patches along time, height and width of clips of `shape` (B, T, H, W, C)."""
    for axis, n, p in zip("THW", shape[1:4], patch, strict=True):
        if n % p:
            raise InputError(f"latents {shape[1:4]}: patch {patch} does not divide {axis} = {n}")
    return tuple(n // p for n, p in zip(shape[1:4], patch, strict=True))


def patchify(x_BTHWC: jax.Array, patch: Patch) -> jax.Array:
    """(B, T, H, W, C) to (B, N, P): N = T/pt H/ph W/pw tokens of P = pt ph pw C numbers."""
    b, t, h, w, c = x_BTHWC.shape
    pt, ph, pw = patch
    x = x_BTHWC.reshape(b, t // pt, pt, h // ph, ph, w // pw, pw, c)
    x = x.transpose(0, 1, 3, 5, 2, 4, 6, 7)
    return x.reshape(b, (t // pt) * (h // ph) * (w // pw), pt * ph * pw * c)


def unpatchify(x_BNP: jax.Array, patch: Patch, shape: tuple[int, int, int, int]) -> jax.Array:
    """The inverse of `patchify` for latents of `shape` = (T, H, W, C)."""
    t, h, w, c = shape
    pt, ph, pw = patch
    x = x_BNP.reshape(-1, t // pt, h // ph, w // pw, pt, ph, pw, c)
    return x.transpose(0, 1, 4, 2, 5, 3, 6, 7).reshape(-1, t, h, w, c)


def rotary_angles(grid: Grid, head_size: int) -> np.ndarray:
    """Angles (N, E/2) of 3-D rotary positions (RoFormer, 2104.09864, one axis at a time).

    The E/2 pairs are dealt to time, height and width in turn. `BASE` is small because a clip is
    tens of positions long, not thousands of words.
    """
    pairs = head_size // 2
    positions = np.stack(np.meshgrid(*map(np.arange, grid), indexing="ij"), -1).reshape(-1, 3)
    axis, rank = np.arange(pairs) % 3, np.arange(pairs) // 3
    frequency = BASE ** (-rank / max(1, -(-pairs // 3)))
    return (positions[:, axis] * frequency).astype(np.float32)


def rotate(x_BNKE: jax.Array, angles_NE: jax.Array) -> jax.Array:
    """Turns each pair (x1, x2) of every head by its token's angle; tokens may be in groups.

    (x1 cos - x2 sin, x2 cos + x1 sin). GPUs' compiler fuses a reversal of the halves with what lies
    around it, but writes joined halves to memory; on a CPU a reversal takes 2.5 times as long.
    """
    x = x_BNKE.astype(jnp.float32)
    cos, sin = jnp.cos(angles_NE)[..., None, :], jnp.sin(angles_NE)[..., None, :]
    if platform() == "cpu":
        x1, x2 = jnp.split(x, 2, axis=-1)
        y = jnp.concatenate([x1 * cos - x2 * sin, x2 * cos + x1 * sin], -1)
    else:
        x = x.reshape(*x.shape[:-1], 2, -1)
        y = x * cos[..., None, :] + x[..., ::-1, :] * jnp.stack([-sin, sin], -2)
    return y.reshape(x_BNKE.shape).astype(x_BNKE.dtype)


def sinusoids(t_B: jax.Array, size: int, max_period: float = 10_000.0) -> jax.Array:
    """(B,) timesteps in [0, 1] to (B, size) cosines and sines, as DiT does for 1000 t.

    Timesteps of frames, (B, T), become (B, T, size).
    """
    rate = jnp.exp(-jnp.log(max_period) * jnp.arange(size // 2) / (size // 2))
    angle = 1000.0 * t_B[..., None] * rate
    return jnp.concatenate([jnp.cos(angle), jnp.sin(angle)], -1)


class TimestepEmbedding(nnx.Module):
    """t to a vector of the model's width, through sinusoids and two dense layers."""

    def __init__(
        self,
        frequencies: int,
        width: int,
        max_period: float = 10_000.0,
        *,
        rngs: nnx.Rngs,
        dtype: DTypeLike | None = None,
    ):
        self.frequencies, self.max_period = frequencies, max_period
        self.up = Dense(frequencies, width, (None, "embed"), rngs=rngs, dtype=dtype)
        self.out = Dense(width, width, ("embed", "mlp"), rngs=rngs, dtype=dtype)

    def __call__(self, t_B: jax.Array) -> jax.Array:
        s = sinusoids(t_B, self.frequencies, self.max_period)
        return self.out(jax.nn.silu(self.up(s)))


class ShapeEmbedding(nnx.Module):
    """Frames, height and width of latents to (B, D) vectors of the model's width.

    SDXL's micro-conditioning (2307.01952, 2.2): sinusoids of each number, side by side, through two
    dense layers. The last starts as zero: before the first step all shapes are one to the model.
    """

    def __init__(
        self, frequencies: int, width: int, *, rngs: nnx.Rngs, dtype: DTypeLike | None = None
    ):
        self.frequencies = frequencies
        self.up = Dense(3 * frequencies, width, (None, "embed"), rngs=rngs, dtype=dtype)
        self.out = zeros_dense(width, width, ("embed", "mlp"), rngs=rngs, dtype=dtype)

    def __call__(self, shape_THW: tuple[int, int, int], clips: int) -> jax.Array:
        numbers = jnp.asarray(shape_THW, jnp.float32) / 1000.0  # `sinusoids` are of 1000 t
        s = sinusoids(numbers, self.frequencies).reshape(-1)
        return self.out(jax.nn.silu(self.up(jnp.tile(s, (clips, 1)))))


class CaptionEmbedding(nnx.Module):
    """Caption tokens, or embeddings made elsewhere, to (B, S, D), lengths (B,) and a pooled (B, D).

    Token 0 is "nothing": padding, and, when a whole caption is dropped for classifier-free
    guidance (2207.12598), its first one stays visible as the learned null caption. A class label is
    a caption of one token. Precomputed embeddings (B, S, F) are null where all F numbers are zero.
    A caption ends with its last token that is not null: kernels of attention take a length, where
    a mask would be written out for every query. A null before that end is seen as one.
    """

    def __init__(
        self,
        vocabulary: int,
        features: int,
        length: int,
        width: int,
        *,
        rngs: nnx.Rngs,
        dtype: DTypeLike | None = None,
    ):
        # DiT's 0.02 is right at its widths only; narrower models want the same norm of a vector.
        normal = nnx.initializers.normal(width**-0.5)
        table = nnx.with_partitioning(normal, (None, "embed"))
        self.words = nnx.Param(table(rngs.params(), (vocabulary, width))) if not features else None
        self.null = nnx.Param(table(rngs.params(), (1, width))) if features else None
        self.inward = (
            Dense(features, width, (None, "embed"), rngs=rngs, dtype=dtype) if features else None
        )
        self.places = nnx.Param(table(rngs.params(), (length, width)))
        self.pool = Dense(width, width, ("embed", "mlp"), rngs=rngs, dtype=dtype)

    def __call__(self, caption: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array]:
        if self.inward is None:
            there_BS = caption > 0
            e_BSD = self.words[...][caption]
        else:
            there_BS = jnp.any(caption != 0, axis=-1)
            e_BSD = jnp.where(there_BS[..., None], self.inward(caption), self.null[...])
        e_BSD = replicate(e_BSD + self.places[...][: caption.shape[1]])
        place_S = jnp.arange(caption.shape[1], dtype=jnp.int32)
        length_B = jnp.where(there_BS, place_S + 1, 1).max(-1)
        weight_BS = (place_S < length_B[:, None]) / length_B[:, None]
        return e_BSD, length_B, self.pool((e_BSD * weight_BS[..., None]).sum(1))


class LabelEmbedding(nnx.Module):
    """Class labels (B, 1) to (B, D) by DiT's table (2212.09748); row 0 is the null label."""

    def __init__(self, vocabulary: int, width: int, *, rngs: nnx.Rngs):
        table = nnx.with_partitioning(nnx.initializers.normal(width**-0.5), (None, "embed"))
        self.table = nnx.Param(table(rngs.params(), (vocabulary, width)))

    def __call__(self, label_B1: jax.Array) -> jax.Array:
        if label_B1.shape[1:] != (1,):
            raise InputError(f"labels of shape {label_B1.shape}: expected (B, 1)")
        return self.table[...][label_B1[:, 0]]

"""Attention over space and time, and over captions: `attend` between dense layers."""

import jax
from flax import nnx
from jax.typing import DTypeLike

from vdit.models.attend import (
    QKV_LENGTH,
    attend,
    attend_in_groups,
    attend_to_all,
    attend_within,
    grouped,
    ungrouped,
)
from vdit.models.embed import Grid, rotate
from vdit.models.layers import Dense, zeros_dense
from vdit.models.norms import RMSNorm
from vdit.parallel.sharding import on_shards


def _heads(x: jax.Array, heads: int) -> jax.Array:
    return x.reshape(*x.shape[:-1], heads, -1)


class SelfAttention(nnx.Module):
    """Multi-head attention of the tokens among themselves, with rotary positions if any.

    `qk_norm`: queries and keys are normalised per head (2302.05442), which keeps large models
    stable. `attention_axis` is full, space, time or split (`model_config.LAYOUTS`), or causal: each
    of a sequence sees itself and those before it. `zero`: starts as zero, where no gate does that.
    """

    def __init__(
        self,
        width: int,
        heads: int,
        attention_axis: str,
        *,
        qk_norm: bool = True,
        zero: bool = False,
        rngs: nnx.Rngs,
        dtype: DTypeLike | None = None,
    ):
        self.heads, self.attention_axis = heads, attention_axis
        self.qkv = Dense(width, 3 * width, ("embed", "heads"), rngs=rngs, dtype=dtype)
        dense = zeros_dense if zero else Dense
        self.out = dense(width, width, ("heads", "embed"), rngs=rngs, dtype=dtype)
        self.q_norm = RMSNorm(width // heads, rngs=rngs) if qk_norm else None
        self.k_norm = RMSNorm(width // heads, rngs=rngs) if qk_norm else None

    def __call__(
        self,
        x_BND: jax.Array,
        angles_NE: jax.Array | None,
        grid: Grid,
        length_B: jax.Array | None = None,
    ) -> jax.Array:
        """Of a clip's tokens the first `length_B` are attended to; "full" alone takes lengths."""
        if self.attention_axis in ("space", "time"):
            # Grouped before one number becomes three: less is moved.
            x = grouped(x_BND, self.attention_axis, grid)
            y = self._out(attend_in_groups(*self._qkv(x, self._angles(angles_NE, grid))))
            return ungrouped(y, self.attention_axis)
        qkv = self._qkv(x_BND, angles_NE)
        if self.attention_axis in ("full", "causal"):
            causal = self.attention_axis == "causal"
            return self._out(attend_to_all(*qkv, length_B, causal))
        return self._out(attend_within(qkv, self.attention_axis, grid))

    def _qkv(self, x: jax.Array, angles: jax.Array | None) -> tuple[jax.Array, ...]:
        q, k, v = (_heads(y, self.heads) for y in self.qkv.split(x, 3))
        q, k = _normed(self.q_norm, q), _normed(self.k_norm, k)
        return (q, k, v) if angles is None else (rotate(q, angles), rotate(k, angles), v)

    def _angles(self, angles_NE: jax.Array | None, grid: Grid) -> jax.Array | None:
        """Those of grouped tokens: constants, which no constraint need move."""
        if angles_NE is None:
            return None
        angles = angles_NE.reshape(grid[0], -1, angles_NE.shape[-1])
        return angles.swapaxes(0, 1) if self.attention_axis == "time" else angles

    def _out(self, y: jax.Array) -> jax.Array:
        return self.out(y.reshape(*y.shape[:-2], -1))


def _normed(norm: RMSNorm | None, x_BNKE: jax.Array) -> jax.Array:
    return x_BNKE if norm is None else norm(x_BNKE)


class CrossAttention(nnx.Module):
    """The tokens attend to the caption (as in PixArt, 2310.00426); starts as zero."""

    def __init__(
        self,
        width: int,
        heads: int,
        *,
        caption_width: int | None = None,
        qk_norm: bool = True,
        rngs: nnx.Rngs,
        dtype: DTypeLike | None = None,
    ):
        self.heads = heads
        self.q = Dense(width, width, ("embed", "heads"), rngs=rngs, dtype=dtype)
        self.kv = Dense(
            caption_width or width, 2 * width, ("embed", "heads"), rngs=rngs, dtype=dtype
        )
        self.out = zeros_dense(width, width, ("heads", "embed"), rngs=rngs, dtype=dtype)
        self.q_norm = RMSNorm(width // heads, rngs=rngs) if qk_norm else None
        self.k_norm = RMSNorm(width // heads, rngs=rngs) if qk_norm else None

    def __call__(self, x_BND: jax.Array, e_BSD: jax.Array, length_B: jax.Array | None) -> jax.Array:
        q = _normed(self.q_norm, _heads(self.q(x_BND), self.heads))
        k, v = (_heads(x, self.heads) for x in self.kv.split(e_BSD, 2))
        y_BNKE = on_shards(attend, QKV_LENGTH, q, _normed(self.k_norm, k), v, length_B)
        return self.out(y_BNKE.reshape(x_BND.shape))

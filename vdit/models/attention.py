"""Attention over space and time, and over captions. A grouping says which tokens see each other."""

import jax
import jax.numpy as jnp
from flax import nnx

from vdit.models.embed import rotate
from vdit.models.layers import Dense, RMSNorm, zeros_dense
from vdit.sharding import parts

Grid = tuple[int, int, int]


def attend(q_BNKE: jax.Array, k_BMKE: jax.Array, v_BMKE: jax.Array, mask_BM=None) -> jax.Array:
    """softmax(q k / sqrt(E)) v, the softmax in float32; masked keys are not seen.

    The backend is chosen here and nowhere else: two plain products are faster on a CPU in the
    backward pass, a fused kernel elsewhere. The numbers are the same.
    """
    mask = None if mask_BM is None else mask_BM[:, None, None, :]
    if jax.default_backend() != "cpu":
        return _fused(q_BNKE, k_BMKE, v_BMKE, mask)
    logits = jnp.einsum("BNKE,BMKE->BKNM", q_BNKE, k_BMKE).astype(jnp.float32)
    logits *= q_BNKE.shape[-1] ** -0.5
    if mask is not None:
        logits = jnp.where(mask, logits, jnp.finfo(jnp.float32).min)
    weights = jax.nn.softmax(logits, -1).astype(v_BMKE.dtype)
    return jnp.einsum("BKNM,BMKE->BNKE", weights, v_BMKE)


def _fused(q, k, v, mask, kernel: str | None = None) -> jax.Array:
    """cuDNN's attention where it takes these arrays, else XLA's; heads are padded as it wants them.

    cuDNN wants half precision, heads of a multiple of 8 numbers up to 128, whole sequences on each
    device, and even ones where some keys are masked.
    """
    size = q.shape[-1]
    if kernel is None:
        even = mask is None or (q.shape[1] % 2 == 0 and k.shape[1] % 2 == 0)
        takes = jax.default_backend() == "gpu" and q.dtype in (jnp.bfloat16, jnp.float16)
        kernel = "cudnn" if takes and even and size <= 128 and parts("tokens") == 1 else "xla"
    if kernel == "cudnn" and size % 8:
        q, k, v = (jnp.pad(x, ((0, 0),) * 3 + ((0, -size % 8),)) for x in (q, k, v))
    y = jax.nn.dot_product_attention(q, k, v, mask=mask, scale=size**-0.5, implementation=kernel)
    return y[..., :size]


def grouped(x_BNKE: jax.Array, grouping: str, grid: Grid) -> jax.Array:
    """Tokens of one frame ("space"), of one place ("time") or of the clip ("full") side by side.

    (B, N, K, E) to (B T, H W, K, E), (B H W, T, K, E) or itself; `ungrouped` is the inverse.
    """
    if grouping == "full":
        return x_BNKE
    frames, places = grid[0], grid[1] * grid[2]
    x = x_BNKE.reshape(-1, frames, places, *x_BNKE.shape[2:])
    x = x.swapaxes(1, 2) if grouping == "time" else x
    return x.reshape(-1, *x.shape[2:])


def ungrouped(x: jax.Array, grouping: str, grid: Grid) -> jax.Array:
    """The groups of `grouped` back in the order of the clip: (B, N, K, E)."""
    if grouping == "full":
        return x
    frames, places = grid[0], grid[1] * grid[2]
    if grouping == "time":
        x = x.reshape(-1, places, frames, *x.shape[2:]).swapaxes(1, 2)
    return x.reshape(-1, frames * places, *x.shape[-2:])


def attend_within(qkv, grouping: str, grid: Grid, seen_BN=None) -> jax.Array:
    """`attend` inside each group; "split" gives half of the heads to space and half to time.

    `seen_BN` masks tokens that nobody looks at; only the group "full" takes one.
    """
    if grouping == "split":
        halves = zip(*(jnp.split(x, 2, axis=2) for x in qkv), strict=True)
        parts = [attend_within(h, g, grid) for h, g in zip(halves, ("space", "time"), strict=True)]
        return jnp.concatenate(parts, axis=2)
    groups = (grouped(x, grouping, grid) for x in qkv)
    return ungrouped(attend(*groups, seen_BN), grouping, grid)


def _heads(x: jax.Array, heads: int) -> jax.Array:
    return x.reshape(*x.shape[:-1], heads, -1)


class SelfAttention(nnx.Module):
    """Multi-head attention of the tokens among themselves, with rotary positions where given.

    `qk_norm`: queries and keys are normalised per head (2302.05442), which keeps large models
    stable. `grouping` is full, space, time or split (`sizes.LAYOUTS`). `zero`: starts as zero,
    where no gate does that.
    """

    def __init__(
        self, width: int, heads: int, grouping: str, *, qk_norm=True, zero=False, rngs, dtype=None
    ):
        self.heads, self.grouping = heads, grouping
        self.qkv = Dense(width, 3 * width, ("embed", "heads"), rngs=rngs, dtype=dtype)
        dense = zeros_dense if zero else Dense
        self.out = dense(width, width, ("heads", "embed"), rngs=rngs, dtype=dtype)
        self.q_norm = RMSNorm(width // heads, rngs=rngs) if qk_norm else None
        self.k_norm = RMSNorm(width // heads, rngs=rngs) if qk_norm else None

    def __call__(self, x_BND, angles_NE: jax.Array | None, grid: Grid, seen_BN=None) -> jax.Array:
        q, k, v = (_heads(x, self.heads) for x in jnp.split(self.qkv(x_BND), 3, axis=-1))
        q, k = _normed(self.q_norm, q), _normed(self.k_norm, k)
        if angles_NE is not None:
            q, k = rotate(q, angles_NE), rotate(k, angles_NE)
        y_BNKE = attend_within((q, k, v), self.grouping, grid, seen_BN)
        return self.out(y_BNKE.reshape(x_BND.shape))


def _normed(norm: RMSNorm | None, x_BNKE: jax.Array) -> jax.Array:
    return x_BNKE if norm is None else norm(x_BNKE)


class CrossAttention(nnx.Module):
    """The tokens look at the caption (as in PixArt, 2310.00426); starts as zero."""

    def __init__(
        self, width: int, heads: int, *, caption_width=None, qk_norm=True, rngs, dtype=None
    ):
        self.heads = heads
        self.q = Dense(width, width, ("embed", "heads"), rngs=rngs, dtype=dtype)
        kv = caption_width or width, 2 * width
        self.kv = Dense(*kv, ("embed", "heads"), rngs=rngs, dtype=dtype)
        self.out = zeros_dense(width, width, ("heads", "embed"), rngs=rngs, dtype=dtype)
        self.q_norm = RMSNorm(width // heads, rngs=rngs) if qk_norm else None
        self.k_norm = RMSNorm(width // heads, rngs=rngs) if qk_norm else None

    def __call__(self, x_BND: jax.Array, e_BSD: jax.Array, seen_BS: jax.Array) -> jax.Array:
        q = _normed(self.q_norm, _heads(self.q(x_BND), self.heads))
        k, v = (_heads(x, self.heads) for x in jnp.split(self.kv(e_BSD), 2, axis=-1))
        return self.out(attend(q, _normed(self.k_norm, k), v, seen_BS).reshape(x_BND.shape))

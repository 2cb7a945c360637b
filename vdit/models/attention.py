"""Attention over space and time, and over captions. A grouping says which tokens see each other."""

import jax
import jax.numpy as jnp
from flax import nnx

from vdit.models.embed import rotate
from vdit.models.layers import Dense, RMSNorm, zeros_dense
from vdit.parallel.sharding import constrain, on_shards

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
    device (`on_shards` sees to it), and even ones where some keys are masked.
    """
    size = q.shape[-1]
    if kernel is None:
        even = mask is None or (q.shape[1] % 2 == 0 and k.shape[1] % 2 == 0)
        takes = jax.default_backend() == "gpu" and q.dtype in (jnp.bfloat16, jnp.float16)
        kernel = "cudnn" if takes and even and size <= 128 else "xla"
    if kernel == "cudnn" and size % 8:
        q, k, v = (jnp.pad(x, ((0, 0),) * 3 + ((0, -size % 8),)) for x in (q, k, v))
    y = jax.nn.dot_product_attention(q, k, v, mask=mask, scale=size**-0.5, implementation=kernel)
    return y[..., :size]


OWN, WHOLE = ("batch", "tokens", "heads", None), ("batch", None, "heads", None)
GROUPS = ("batch", "tokens", None, "heads", None)  # of (B, T, H W, K, E) or (B, H W, T, K, E)


def grouped(x_BNx: jax.Array, attention_axis: str, grid: Grid) -> jax.Array:
    """Tokens of one frame ("space") or of one place ("time") side by side.

    (B, N, ...) to (B, T, H W, ...) or (B, H W, T, ...); `ungrouped` is the inverse. Where tokens
    are split over devices, those of a frame lie together; here those of a place are brought
    together, and in `ungrouped` those of a frame again: all-to-alls, made by the constraints alone.
    """
    x = _pinned(x_BNx.reshape(len(x_BNx), grid[0], -1, *x_BNx.shape[2:]))
    return _pinned(x.swapaxes(1, 2)) if attention_axis == "time" else x


def ungrouped(x: jax.Array, attention_axis: str) -> jax.Array:
    """The groups of `grouped` back in the order of the clip: (B, N, ...)."""
    x = _pinned(x)
    x = _pinned(x.swapaxes(1, 2)) if attention_axis == "time" else x
    return x.reshape(len(x), -1, *x.shape[3:])


def _pinned(x: jax.Array) -> jax.Array:
    """Groups stay on their devices; the width D, where there are no heads yet, is whole."""
    return constrain(x, *(GROUPS if x.ndim == 5 else (*GROUPS[:3], None)))


def split_tokens(x_BND: jax.Array, frames: int = 1) -> jax.Array:
    """Pins tokens to the devices that they are split over; above 1, between `frames` alone."""
    if frames == 1:
        return constrain(x_BND, "batch", "tokens", None)
    return ungrouped(grouped(x_BND, "space", (frames, 1, 1)), "space")


def attend_within(qkv_BNKE, attention_axis: str, grid: Grid) -> jax.Array:
    """`attend` inside each group; "split" gives half of the heads to space and half to time."""
    if attention_axis == "split":
        halves = zip(*(jnp.split(x, 2, axis=2) for x in qkv_BNKE), strict=True)
        parts = [attend_within(h, g, grid) for h, g in zip(halves, ("space", "time"), strict=True)]
        return jnp.concatenate(parts, axis=2)
    if attention_axis == "full":
        return attend_to_all(*qkv_BNKE)
    groups = (grouped(x, attention_axis, grid) for x in qkv_BNKE)
    return ungrouped(attend_in_groups(*groups), attention_axis)


def attend_in_groups(*qkv_BGMKE: jax.Array) -> jax.Array:
    """`attend` where the groups G are an axis: all groups of all clips are one batch of it."""

    def merged(*qkv_BGMKE):
        rows = (x.reshape(-1, *x.shape[2:]) for x in qkv_BGMKE)
        return attend(*rows).reshape(qkv_BGMKE[0].shape)

    return on_shards(merged, 3 * [GROUPS], *qkv_BGMKE)


def attend_to_all(q_BNKE, k_BNKE, v_BNKE, seen_BN=None) -> jax.Array:
    """`attend` of all tokens to all that are seen.

    Where tokens are split over devices, each keeps its own queries and gathers the keys and values
    of all. The pair of constraints puts the sum of their gradients beside its being split again,
    where a compiler makes one reduce-scatter of both.
    """
    q, k, v = (constrain(x, *OWN) for x in (q_BNKE, k_BNKE, v_BNKE))
    k, v = constrain(k, *WHOLE), constrain(v, *WHOLE)
    seen = () if seen_BN is None else (seen_BN,)
    return on_shards(attend, [OWN, WHOLE, WHOLE, WHOLE[:2]][: 3 + len(seen)], q, k, v, *seen)


def _heads(x: jax.Array, heads: int) -> jax.Array:
    return x.reshape(*x.shape[:-1], heads, -1)


class SelfAttention(nnx.Module):
    """Multi-head attention of the tokens among themselves, with rotary positions where given.

    `qk_norm`: queries and keys are normalised per head (2302.05442), which keeps large models
    stable. `attention_axis` is full, space, time or split (`sizes.LAYOUTS`). `zero`: starts as zero,
    where no gate does that.
    """

    def __init__(
        self,
        width: int,
        heads: int,
        attention_axis: str,
        *,
        qk_norm=True,
        zero=False,
        rngs,
        dtype=None,
    ):
        self.heads, self.attention_axis = heads, attention_axis
        self.qkv = Dense(width, 3 * width, ("embed", "heads"), rngs=rngs, dtype=dtype)
        dense = zeros_dense if zero else Dense
        self.out = dense(width, width, ("heads", "embed"), rngs=rngs, dtype=dtype)
        self.q_norm = RMSNorm(width // heads, rngs=rngs) if qk_norm else None
        self.k_norm = RMSNorm(width // heads, rngs=rngs) if qk_norm else None

    def __call__(self, x_BND, angles_NE: jax.Array | None, grid: Grid, seen_BN=None) -> jax.Array:
        """`seen_BN` masks tokens that nobody looks at; "full" alone takes one."""
        if self.attention_axis in (
            "space",
            "time",
        ):  # before one number becomes three: less is moved
            x = grouped(x_BND, self.attention_axis, grid)
            y = self._out(attend_in_groups(*self._qkv(x, self._angles(angles_NE, grid))))
            return ungrouped(y, self.attention_axis)
        qkv = self._qkv(x_BND, angles_NE)
        if self.attention_axis == "full":
            return self._out(attend_to_all(*qkv, seen_BN))
        return self._out(attend_within(qkv, self.attention_axis, grid))

    def _qkv(self, x, angles):
        q, k, v = (_heads(y, self.heads) for y in self.qkv.split(x, 3))
        q, k = _normed(self.q_norm, q), _normed(self.k_norm, k)
        return (q, k, v) if angles is None else (rotate(q, angles), rotate(k, angles), v)

    def _angles(self, angles_NE, grid):
        """Those of grouped tokens: constants, which no constraint need move."""
        if angles_NE is None:
            return None
        angles = angles_NE.reshape(grid[0], -1, angles_NE.shape[-1])
        return angles.swapaxes(0, 1) if self.attention_axis == "time" else angles

    def _out(self, y):
        return self.out(y.reshape(*y.shape[:-2], -1))


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
        k, v = (_heads(x, self.heads) for x in self.kv.split(e_BSD, 2))
        names = [OWN, WHOLE, WHOLE, WHOLE[:2]]
        y_BNKE = on_shards(attend, names, q, _normed(self.k_norm, k), v, seen_BS)
        return self.out(y_BNKE.reshape(x_BND.shape))

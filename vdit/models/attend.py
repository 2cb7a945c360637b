"""Scaled dot-product attention, to the keys of one frame, of one position, or of all tokens."""

import jax
import jax.numpy as jnp

from vdit.models.embed import Grid
from vdit.parallel.sharding import constrain, on_shards, platform

SHARDED, REPLICATED = ("batch", "tokens", "heads", None), ("batch", None, "heads", None)
QKV_MASK = [SHARDED, REPLICATED, REPLICATED, REPLICATED[:2]]
GROUPS = ("batch", "tokens", None, "heads", None)  # of (B, T, H W, K, E) or (B, H W, T, K, E)


def attend(
    q_BNKE: jax.Array, k_BMKE: jax.Array, v_BMKE: jax.Array, key_mask_BM: jax.Array | None = None
) -> jax.Array:
    """softmax(q k / sqrt(E)) v, the softmax in float32, over the keys whose mask is true.

    The backend is chosen here and nowhere else: two plain products are faster on a CPU in the
    backward pass, a fused kernel elsewhere. The numbers are the same.
    """
    mask = None if key_mask_BM is None else key_mask_BM[:, None, None, :]
    if platform() != "cpu":
        return _fused(q_BNKE, k_BMKE, v_BMKE, mask)
    logits = jnp.einsum("BNKE,BMKE->BKNM", q_BNKE, k_BMKE).astype(jnp.float32)
    logits *= q_BNKE.shape[-1] ** -0.5
    if mask is not None:
        logits = jnp.where(mask, logits, jnp.finfo(jnp.float32).min)
    weights = jax.nn.softmax(logits, -1).astype(v_BMKE.dtype)
    return jnp.einsum("BKNM,BMKE->BNKE", weights, v_BMKE)


def _fused(
    q: jax.Array,
    k: jax.Array,
    v: jax.Array,
    mask: jax.Array | None,
    kernel: str | None = None,
) -> jax.Array:
    """cuDNN's attention where it takes these arrays, else XLA's; heads are padded as it wants them.

    cuDNN wants half precision, heads of a multiple of 8 numbers up to 128, whole sequences on each
    device (`on_shards` sees to it), and even ones where some keys are masked.
    """
    size = q.shape[-1]
    if kernel is None:
        even = mask is None or (q.shape[1] % 2 == 0 and k.shape[1] % 2 == 0)
        takes = platform() == "gpu" and q.dtype in (jnp.bfloat16, jnp.float16)
        kernel = "cudnn" if takes and even and size <= 128 else "xla"
    if kernel == "cudnn" and size % 8:
        q, k, v = (jnp.pad(x, ((0, 0),) * 3 + ((0, -size % 8),)) for x in (q, k, v))
    y = jax.nn.dot_product_attention(q, k, v, mask=mask, scale=size**-0.5, implementation=kernel)
    return y[..., :size]


def grouped(x_BNx: jax.Array, attention_axis: str, grid: Grid) -> jax.Array:
    """Tokens of one frame ("space") or of one position ("time") side by side.

    (B, N, ...) to (B, T, H W, ...) or (B, H W, T, ...); `ungrouped` is the inverse. Where tokens
    are split over devices, those of a frame lie together; here those of a position are brought
    together, and in `ungrouped` those of a frame again: all-to-alls, made by the constraints alone.
    """
    x = _constrained(x_BNx.reshape(len(x_BNx), grid[0], -1, *x_BNx.shape[2:]))
    return _constrained(x.swapaxes(1, 2)) if attention_axis == "time" else x


def ungrouped(x: jax.Array, attention_axis: str) -> jax.Array:
    """The groups of `grouped` back in the order of the clip: (B, N, ...)."""
    x = _constrained(x)
    x = _constrained(x.swapaxes(1, 2)) if attention_axis == "time" else x
    return x.reshape(len(x), -1, *x.shape[3:])


def _constrained(x: jax.Array) -> jax.Array:
    """Groups stay on their devices; the width D, where there are no heads yet, is not split."""
    return constrain(x, *(GROUPS if x.ndim == 5 else (*GROUPS[:3], None)))


def shard_tokens(x_BND: jax.Array, frames: int = 1) -> jax.Array:
    """Constrains tokens to the devices they are split over; above 1, between `frames` alone."""
    if frames == 1:
        return constrain(x_BND, "batch", "tokens", None)
    return ungrouped(grouped(x_BND, "space", (frames, 1, 1)), "space")


def attend_within(
    qkv_BNKE: tuple[jax.Array, jax.Array, jax.Array], attention_axis: str, grid: Grid
) -> jax.Array:
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


def attend_to_all(
    q_BNKE: jax.Array, k_BNKE: jax.Array, v_BNKE: jax.Array, key_mask_BN: jax.Array | None = None
) -> jax.Array:
    """`attend` of all tokens to all of the mask.

    Where tokens are split over devices, each keeps its own queries and gathers the keys and values
    of all. The pair of constraints puts the sum of their gradients beside its being split again,
    where a compiler makes one reduce-scatter of both.
    """
    q, k, v = (constrain(x, *SHARDED) for x in (q_BNKE, k_BNKE, v_BNKE))
    k, v = constrain(k, *REPLICATED), constrain(v, *REPLICATED)
    mask = () if key_mask_BN is None else (key_mask_BN,)
    return on_shards(attend, QKV_MASK[: 3 + len(mask)], q, k, v, *mask)

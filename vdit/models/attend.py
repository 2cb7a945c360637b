"""Scaled dot-product attention, to the keys of one frame, of one position, or of all tokens."""

import functools
import sys

import jax
import jax.numpy as jnp
from jax.ad_checkpoint import checkpoint_name

from vdit.models.embed import Grid
from vdit.parallel.sharding import constrain, on_shards, platform

SHARDED, REPLICATED = ("batch", "tokens", "heads", None), ("batch", None, "heads", None)
QKV_LENGTH = [SHARDED, REPLICATED, REPLICATED, REPLICATED[:1]]
GROUPS = ("batch", "tokens", None, "heads", None)  # of (B, T, H W, K, E) or (B, H W, T, K, E)
HEAD = 128  # numbers in a head that cuDNN's kernel takes on every GPU it runs on
LARGE = 1024**2  # logits of a head that are worth a line where they go through memory


def attend(
    q_BNKE: jax.Array,
    k_BMKE: jax.Array,
    v_BMKE: jax.Array,
    length_B: jax.Array | None = None,
    causal: bool = False,
) -> jax.Array:
    """softmax(q k / sqrt(E)) v, the softmax in float32, over all keys, the first `length_B`, or,
    `causal`, those up to the query's own.

    The kernel is chosen here and nowhere else, by the devices that the program is for: two plain
    products are faster on a CPU in the backward pass, a fused kernel elsewhere. The numbers are
    the same.
    """
    if platform() == "gpu":
        return _on_gpu(q_BNKE, k_BMKE, v_BMKE, length_B, causal)
    if platform() != "cpu":
        return _xla(q_BNKE, k_BMKE, v_BMKE, length_B, causal)
    logits = jnp.einsum("BNKE,BMKE->BKNM", q_BNKE, k_BMKE).astype(jnp.float32)
    logits *= q_BNKE.shape[-1] ** -0.5
    if length_B is not None:
        seen = jnp.arange(k_BMKE.shape[1]) < length_B[:, None, None, None]
        logits = jnp.where(seen, logits, jnp.finfo(jnp.float32).min)
    if causal:
        seen = jnp.tri(q_BNKE.shape[1], k_BMKE.shape[1], dtype=bool)
        logits = jnp.where(seen, logits, jnp.finfo(jnp.float32).min)
    weights = jax.nn.softmax(logits, -1).astype(v_BMKE.dtype)
    return checkpoint_name(jnp.einsum("BKNM,BMKE->BNKE", weights, v_BMKE), "attention")


def _on_gpu(
    q: jax.Array, k: jax.Array, v: jax.Array, length: jax.Array | None, causal: bool
) -> jax.Array:
    """cuDNN's kernel where it takes these arrays, else XLA's products, which keep N x M logits."""
    if q.dtype not in (jnp.bfloat16, jnp.float16):
        why = "takes bfloat16 and float16 alone; set model.dtype=bfloat16"
    elif q.shape[-1] > HEAD:
        why = f"takes heads of at most {HEAD} numbers; set more model.heads"
    else:
        return _cudnn(q, k, v, length, causal)
    _warn(q.shape[1:], k.shape[1], str(q.dtype), why)
    return _xla(q, k, v, length, causal)


def _cudnn(
    q: jax.Array, k: jax.Array, v: jax.Array, length: jax.Array | None, causal: bool = False
) -> jax.Array:
    """cuDNN's kernel, with arrays padded as it takes them.

    Heads have a multiple of 8 numbers; queries and keys are even in number, which JAX asks of a
    training step, and a key that is there for that alone is not attended to. Each device has whole
    sequences (`on_shards` sees to it).
    """
    queries, size = q.shape[1], q.shape[-1]
    if length is None and k.shape[1] % 2:
        length = jnp.full(len(k), k.shape[1], jnp.int32)
    q, k, v = (jnp.pad(x, ((0, 0), (0, x.shape[1] % 2), (0, 0), (0, -size % 8))) for x in (q, k, v))
    y = jax.nn.dot_product_attention(
        q,
        k,
        v,
        scale=size**-0.5,
        key_value_seq_lengths=length,
        is_causal=causal,
        implementation="cudnn",
    )
    return y[:, :queries, :, :size]


def _xla(
    q: jax.Array, k: jax.Array, v: jax.Array, length: jax.Array | None, causal: bool
) -> jax.Array:
    return jax.nn.dot_product_attention(q, k, v, key_value_seq_lengths=length, is_causal=causal)


@functools.cache
def _warn(shape: tuple[int, int, int], keys: int, dtype: str, why: str) -> None:
    """Says, once for each shape, that logits go through memory, where there are many of them."""
    if shape[0] * keys >= LARGE and jax.process_index() == 0:
        print(
            f"attention of (N, K, E) = {shape} to {keys} keys in {dtype} keeps {shape[0]} x {keys} "
            f"logits of every head in memory: cuDNN's kernel {why}",
            file=sys.stderr,
            flush=True,
        )


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
    q_BNKE: jax.Array,
    k_BNKE: jax.Array,
    v_BNKE: jax.Array,
    length_B: jax.Array | None = None,
    causal: bool = False,
) -> jax.Array:
    """`attend` of all tokens to all of them, to the first `length_B`, or to those before them.

    Where tokens are split over devices, each keeps its own queries and gathers the keys and values
    of all. The pair of constraints puts the sum of their gradients beside its being split again,
    where a compiler makes one reduce-scatter of both.
    """
    q, k, v = (constrain(x, *SHARDED) for x in (q_BNKE, k_BNKE, v_BNKE))
    k, v = constrain(k, *REPLICATED), constrain(v, *REPLICATED)
    length = () if length_B is None else (length_B,)
    kernel = functools.partial(attend, causal=causal)
    return on_shards(kernel, QKV_LENGTH[: 3 + len(length)], q, k, v, *length)

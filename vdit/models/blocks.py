"""The blocks of VideoDiT: attention, cross-attention and MLP under adaLN-Zero (2212.09748)."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx

from vdit.config.model_config import ModelConfig
from vdit.models.attend import shard_tokens
from vdit.models.attention import CrossAttention, SelfAttention
from vdit.models.conditioning import Words
from vdit.models.embed import Grid
from vdit.models.layers import MLP, scale_tokens, zeros_dense
from vdit.models.norms import layer_norm
from vdit.parallel.sharding import replicate

BlockAxes = tuple[str, ...]  # the axis of each attention of a block


class Block(nnx.Module):
    """Attention (one, or space then time), cross-attention and MLP; gated by adaLN-Zero.

    `attention_axes` are those of its attentions; captions are attended to without a gate, as in
    PixArt, or are tokens among the others ("context"), of which attention takes lengths. The
    conditioning c is one vector a clip, (B, D), or one a frame, (B, T, D).
    """

    def __init__(self, config: ModelConfig, attention_axes: BlockAxes, *, rngs: nnx.Rngs):
        kw = {"rngs": rngs, "dtype": jnp.dtype(config.dtype)}
        width, self.parts, self.config = config.width, len(attention_axes) + 1, config
        self.modulation = zeros_dense(width, 3 * self.parts * width, ("embed", "mlp"), **kw)
        heads = {"heads": config.heads, "qk_norm": config.qk_norm} | kw
        self.attentions = nnx.List(
            [SelfAttention(width, attention_axis=g, **heads) for g in attention_axes]
        )
        self.cross = CrossAttention(width, **heads) if config.crosses else None
        self.mlp = MLP(width, int(width * config.mlp_ratio), **kw)

    def __call__(
        self,
        x_BND: jax.Array,
        c: jax.Array,
        words: Words | None,
        length_B: jax.Array | None,
        angles_NE: jax.Array | None,
        grid: Grid,
    ) -> jax.Array:
        *parts, last = jnp.split(replicate(self.modulation(c)), self.parts, -1)
        for attention, part in zip(self.attentions, parts, strict=True):
            x_BND = _gated(lambda h, f=attention: f(h, angles_NE, grid, length_B), x_BND, part)
        if self.cross is not None:
            x_BND = x_BND + self.cross(layer_norm(x_BND), *words)
        return shard_tokens(_gated(self.mlp, x_BND, last), unsplit_frames(self.config, grid))


def _gated(
    f: Callable[[jax.Array], jax.Array], x_BND: jax.Array, modulation: jax.Array
) -> jax.Array:
    """x + gate f(norm(x) (1 + scale) + shift): adaLN-Zero (2212.09748) around one part."""
    shift, scale, gate = jnp.split(modulation, 3, -1)
    return x_BND + scale_tokens(f(layer_norm(x_BND, (shift, scale))), gate)


class Layer(nnx.Module):
    """The blocks that a stage repeats: one, or a block over space and a block over time."""

    def __init__(self, config: ModelConfig, blocks: tuple[BlockAxes, ...], *, rngs: nnx.Rngs):
        self.blocks = nnx.List([Block(config, axes, rngs=rngs) for axes in blocks])
        self.attention_axes = blocks

    def __call__(self, x_BND: jax.Array, temporal_ND: jax.Array | None, *inputs: Any) -> jax.Array:
        """`temporal_ND`, positions, is added before the block over time; zero after layer one."""
        for block, axes in zip(self.blocks, self.attention_axes, strict=True):
            if temporal_ND is not None and axes == ("time",):
                x_BND = x_BND + temporal_ND
            x_BND = block(x_BND, *inputs)
        return x_BND


def unsplit_frames(config: ModelConfig, grid: Grid) -> int:
    """How many frames a clip's tokens must be split between; 1 where a split may be anywhere.

    Full attention alone may have the tokens of a frame on several devices.
    """
    return 1 if config.attention == "full" else grid[0]

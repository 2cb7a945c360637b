"""Latte for text to video (2401.03048), built as PixArt builds its blocks (2310.00426).

One modulation by the timestep serves all blocks, to which each adds a table of its own
(adaLN-single); the blocks over space attend to the caption, those over time do not.
"""

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx
from jax.typing import DTypeLike

from vdit.config.model_config import ModelConfig
from vdit.models import embed, positions
from vdit.models.attend import shard_tokens
from vdit.models.attention import CrossAttention, SelfAttention
from vdit.models.conditioning import Inputs
from vdit.models.layers import MLP, Dense, zeros_dense
from vdit.models.norms import layer_norm
from vdit.models.stack import repeat, stacked


class Block(nnx.Module):
    """Attention, cross-attention to the caption where it is over space, and MLP."""

    def __init__(self, config: ModelConfig, attention_axis: str, *, rngs: nnx.Rngs):
        kw = {"rngs": rngs, "dtype": jnp.dtype(config.dtype)}
        heads = {"heads": config.heads, "qk_norm": config.qk_norm} | kw
        self.table = _table(6, config.width, rngs)
        self.attention = SelfAttention(config.width, attention_axis=attention_axis, **heads)
        self.cross = CrossAttention(config.width, **heads) if attention_axis == "space" else None
        self.mlp = MLP(config.width, int(config.width * config.mlp_ratio), **kw)

    def __call__(
        self,
        x_BND: jax.Array,
        c_B6D: jax.Array,
        caption: tuple[jax.Array, jax.Array | None],
        grid: embed.Grid,
    ) -> jax.Array:
        c = jnp.unstack(c_B6D + self.table[...].astype(c_B6D.dtype), axis=1)
        x_BND = _gated(lambda h: self.attention(h, None, grid), x_BND, *c[:3])
        if self.cross is not None:
            x_BND = x_BND + self.cross(x_BND, *caption)  # PixArt has no norm here
        return shard_tokens(_gated(self.mlp, x_BND, *c[3:]), grid[0])


def _gated(
    f: Callable[[jax.Array], jax.Array],
    x_BND: jax.Array,
    shift_BD: jax.Array,
    scale_BD: jax.Array,
    gate_BD: jax.Array,
) -> jax.Array:
    return x_BND + gate_BD[:, None] * f(layer_norm(x_BND, (shift_BD, scale_BD)))


def _table(rows: int, width: int, rngs: nnx.Rngs) -> nnx.Param:
    normal = nnx.with_partitioning(nnx.initializers.normal(width**-0.5), (None, "embed"))
    return nnx.Param(normal(rngs.params(), (rows, width)))


class Layer(nnx.Module):
    """A block over space, then one over time; before the first of these come temporal positions."""

    def __init__(self, config: ModelConfig, *, rngs: nnx.Rngs):
        self.space, self.time = (Block(config, g, rngs=rngs) for g in ("space", "time"))

    def __call__(self, x_BND: jax.Array, temporal_ND: jax.Array | None, *inputs: Any) -> jax.Array:
        x_BND = self.space(x_BND, *inputs)
        return self.time(x_BND if temporal_ND is None else x_BND + temporal_ND, *inputs)


class CaptionProjection(nnx.Module):
    """A caption to (B, S, D): two dense layers, GELU between them, of embeddings (B, S, F).

    Of tokens (B, S) the first layer is a table: its kernel's rows, which one token picks each.
    """

    def __init__(self, config: ModelConfig, *, rngs: nnx.Rngs, dtype: DTypeLike):
        kw, features, width = {"rngs": rngs, "dtype": dtype}, config.text_features, config.width
        self.words = None if features else _table(config.vocabulary, width, rngs)
        self.up = Dense(features, width, (None, "embed"), **kw) if features else None
        self.down = Dense(width, width, ("embed", "mlp"), **kw)

    def __call__(self, caption: jax.Array) -> jax.Array:
        words = self.words[...][caption] if self.up is None else self.up(caption)
        return self.down(jax.nn.gelu(words.astype(self.down.dtype), approximate=True))


class LatteText(Inputs):
    """noise = model(x_BTHWC, t_B, caption): Latte's estimate for a noised clip and its caption.

    x: (B, T, H, W, C) latents, of any T, H, W that the patch divides; t: (B,) in [0, 1], 0 is data;
    caption: (B, S, F) embeddings of S words, or (B, S) tokens; length: (B,), how many of them are
    seen (None: all, those that say nothing, too, as in diffusers' pipeline).
    Returns float32 of x's shape, zero at the start; 2 C channels with a learned variance.
    """

    def __init__(self, config: ModelConfig, *, rngs: nnx.Rngs):
        super().__init__(config, rngs=rngs)
        kw, width = {"rngs": rngs, "dtype": jnp.dtype(config.dtype)}, config.width
        self.modulation = Dense(width, 6 * width, ("embed", "mlp"), **kw)
        self.caption = CaptionProjection(config, **kw)
        self.layers = stacked(functools.partial(Layer, config), config.depth // 2, rngs)
        self.table = _table(2, width, rngs)
        self.output = zeros_dense(width, config.output_numbers, ("embed", None), **kw)

    def __call__(
        self,
        x_BTHWC: jax.Array,
        t_B: jax.Array,
        caption: jax.Array,
        length_B: jax.Array | None = None,
    ) -> jax.Array:
        config, grid = self.config, embed.grid_of(x_BTHWC.shape, self.config.patch)
        dtype = jnp.dtype(config.dtype)
        c_BD = self.noise_level(t_B).astype(dtype)
        c_B6D = self.modulation(jax.nn.silu(c_BD)).reshape(-1, 6, config.width)
        words = self.caption(caption), length_B
        x_BND, temporal_ND = self._embed(embed.patchify(x_BTHWC, config.patch).astype(dtype), grid)
        x_BND = repeat(self.layers, config, x_BND, temporal_ND, c_B6D, words, grid)
        shift, scale = jnp.unstack(c_BD[:, None] + self.table[...].astype(dtype), axis=1)
        y_BNP = self.output(layer_norm(x_BND, (shift, scale))).astype(jnp.float32)
        channels = x_BTHWC.shape[-1] * (1 + config.learn_sigma)
        return embed.unpatchify(y_BNP, config.patch, (*x_BTHWC.shape[1:4], channels))

    def _embed(self, x_BNP: jax.Array, grid: embed.Grid) -> tuple[jax.Array, jax.Array | None]:
        """The tokens with spatial positions, and temporal ones, which an image goes without."""
        x_BND = self.patches(x_BNP)
        spatial = jnp.asarray(positions.spatial_table(*grid[1:], self.config.width))
        x_BND = x_BND + positions.spatial_to_tokens(spatial, grid).astype(x_BND.dtype)
        if grid[0] == 1:
            return shard_tokens(x_BND), None
        temporal = jnp.asarray(positions.temporal_table(grid[0], self.config.width))
        temporal_ND = positions.temporal_to_tokens(temporal, grid).astype(x_BND.dtype)
        return shard_tokens(x_BND, grid[0]), temporal_ND

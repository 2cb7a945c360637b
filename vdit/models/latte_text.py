"""Latte for text to video (2401.03048), built as PixArt builds its blocks (2310.00426).

One modulation by the noise level serves all blocks, to which each adds a table of its own
(adaLN-single); the blocks over space look at the caption, those over time do not.
"""

import functools

import jax
import jax.numpy as jnp
from flax import nnx

from vdit.config.model_config import ModelConfig
from vdit.models import embed, positions
from vdit.models.attention import CrossAttention, SelfAttention, split_tokens
from vdit.models.layers import MLP, Dense, layer_norm, modulate
from vdit.models.stack import repeat, stacked


class Block(nnx.Module):
    """Attention, cross-attention to the caption where it is over space, and MLP."""

    def __init__(self, shape: ModelConfig, attention_axis: str, *, rngs):
        kw = {"rngs": rngs, "dtype": jnp.dtype(shape.dtype)}
        heads = {"heads": shape.heads, "qk_norm": shape.qk_norm} | kw
        self.table = _table(6, shape.width, rngs)
        self.attention = SelfAttention(shape.width, attention_axis=attention_axis, **heads)
        self.cross = CrossAttention(shape.width, **heads) if attention_axis == "space" else None
        self.mlp = MLP(shape.width, int(shape.width * shape.mlp_ratio), **kw)

    def __call__(self, x_BND, c_B6D, caption, grid):
        c = jnp.unstack(c_B6D + self.table[...].astype(c_B6D.dtype), axis=1)
        x_BND = _gated(lambda h: self.attention(h, None, grid), x_BND, *c[:3])
        if self.cross is not None:
            x_BND = x_BND + self.cross(x_BND, *caption)  # PixArt has no norm here
        return split_tokens(_gated(self.mlp, x_BND, *c[3:]), grid[0])


def _gated(f, x_BND, shift_BD, scale_BD, gate_BD):
    return x_BND + gate_BD[:, None] * f(modulate(layer_norm(x_BND), shift_BD, scale_BD))


def _table(rows: int, width: int, rngs) -> nnx.Param:
    normal = nnx.with_partitioning(nnx.initializers.normal(width**-0.5), (None, "embed"))
    return nnx.Param(normal(rngs.params(), (rows, width)))


class Layer(nnx.Module):
    """A block over space, then one over time, before the first of which come the frames' places."""

    def __init__(self, shape: ModelConfig, *, rngs):
        self.space, self.time = (Block(shape, g, rngs=rngs) for g in ("space", "time"))

    def __call__(self, x_BND, late_ND, *inputs):
        x_BND = self.space(x_BND, *inputs)
        return self.time(x_BND if late_ND is None else x_BND + late_ND, *inputs)


class CaptionProjection(nnx.Module):
    """Embeddings of a caption (B, S, F) to (B, S, D): two dense layers, GELU between them."""

    def __init__(self, features: int, width: int, **kw):
        self.up = Dense(features, width, (None, "embed"), **kw)
        self.down = Dense(width, width, ("embed", "mlp"), **kw)

    def __call__(self, caption_BSF: jax.Array) -> jax.Array:
        return self.down(jax.nn.gelu(self.up(caption_BSF), approximate=True))


class LatteText(nnx.Module):
    """noise = model(x_BTHWC, t_B, caption_BSF): Latte's estimate for a noised clip and its caption.

    x: (B, T, H, W, C) latents, of any T, H, W that the patch divides; t: (B,) in [0, 1], 0 is data;
    caption: (B, S, F) embeddings of S words; seen: (B, S), False where there is no word (None: all
    are words). Returns float32 of x's shape; 2 C channels with a learned variance.
    """

    def __init__(self, shape: ModelConfig, *, rngs: nnx.Rngs):
        kw = {"rngs": rngs, "dtype": jnp.dtype(shape.dtype)}
        width, self.shape = shape.width, shape
        self.patches = Dense(shape.patch_numbers, width, (None, "embed"), **kw)
        self.noise_level = embed.TimestepEmbedding(shape.frequencies, width, shape.max_period, **kw)
        self.modulation = Dense(width, 6 * width, ("embed", "mlp"), **kw)
        self.caption = CaptionProjection(shape.text_features, width, **kw)
        self.layers = stacked(functools.partial(Layer, shape), shape.depth // 2, rngs)
        self.table = _table(2, width, rngs)
        self.output = Dense(width, shape.output_numbers, ("embed", None), **kw)

    def __call__(self, x_BTHWC, t_B, caption_BSF, seen_BS=None) -> jax.Array:
        shape, grid = self.shape, embed.grid_of(x_BTHWC.shape, self.shape.patch)
        dtype = jnp.dtype(shape.dtype)
        c_BD = self.noise_level(t_B).astype(dtype)
        c_B6D = self.modulation(jax.nn.silu(c_BD)).reshape(-1, 6, shape.width)
        caption = self.caption(caption_BSF.astype(dtype)), seen_BS
        x_BND, late_ND = self._place(embed.patchify(x_BTHWC, shape.patch).astype(dtype), grid)
        x_BND = repeat(self.layers, shape, x_BND, late_ND, c_B6D, caption, grid)
        shift, scale = jnp.unstack(c_BD[:, None] + self.table[...].astype(dtype), axis=1)
        y_BNP = self.output(modulate(layer_norm(x_BND), shift, scale)).astype(jnp.float32)
        channels = x_BTHWC.shape[-1] * (1 + shape.learn_sigma)
        return embed.unpatchify(y_BNP, shape.patch, (*x_BTHWC.shape[1:4], channels))

    def _place(self, x_BNP, grid):
        """The tokens at their places, and the table of frames, which an image goes without."""
        x_BND = self.patches(x_BNP)
        places = jnp.asarray(positions.place_table(*grid[1:], self.shape.width))
        x_BND = x_BND + positions.over_places(places, grid).astype(x_BND.dtype)
        if grid[0] == 1:
            return split_tokens(x_BND), None
        frames = jnp.asarray(positions.frame_table(grid[0], self.shape.width))
        late_ND = positions.over_frames(frames, grid).astype(x_BND.dtype)
        return split_tokens(x_BND, grid[0]), late_ND


def create(shape: ModelConfig, key: jax.Array) -> LatteText:
    """A new model from an explicit key; weights float32, axes named, no mesh needed yet."""
    with nnx.use_eager_sharding(False):
        return LatteText(shape, rngs=nnx.Rngs(key))

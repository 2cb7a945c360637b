"""A captioner: latents in, words out.

An encoder of patches, and a causal decoder that attends to it (the transformer of 1706.03762), for
relabelling training sets as DALL-E 3 did ("Improving Image Generation with Better Captions", 2.1).
"""

import functools

import jax
import jax.numpy as jnp
from flax import nnx

from vdit.config.captioner import STARTS
from vdit.config.model_config import ModelConfig
from vdit.models import embed
from vdit.models.attention import CrossAttention, SelfAttention
from vdit.models.layers import MLP, Dense, zeros_dense
from vdit.models.norms import layer_norm
from vdit.models.stack import repeat, stacked

ANY, SHORT, LONG = range(STARTS)


class EncoderLayer(nnx.Module):
    """x + attention(norm(x)), then x + mlp(norm(x))."""

    def __init__(self, config: ModelConfig, *, rngs: nnx.Rngs):
        kw = {"rngs": rngs, "dtype": jnp.dtype(config.dtype)}
        heads = {"heads": config.heads, "qk_norm": config.qk_norm, "zero": True} | kw
        self.attention = SelfAttention(config.width, attention_axis="full", **heads)
        self.mlp = MLP(config.width, int(config.width * config.mlp_ratio), **kw)

    def __call__(
        self, x_BND: jax.Array, _: None, angles_NE: jax.Array, grid: embed.Grid
    ) -> jax.Array:
        x_BND = x_BND + self.attention(layer_norm(x_BND), angles_NE, grid)
        return x_BND + self.mlp(layer_norm(x_BND))


class DecoderLayer(nnx.Module):
    """The same of words, each of which sees those before it, with attention to the clip between."""

    def __init__(self, config: ModelConfig, *, rngs: nnx.Rngs):
        kw = {"rngs": rngs, "dtype": jnp.dtype(config.dtype)}
        heads = {"heads": config.heads, "qk_norm": config.qk_norm} | kw
        self.attention = SelfAttention(config.width, attention_axis="causal", zero=True, **heads)
        self.cross = CrossAttention(config.width, **heads)
        self.mlp = MLP(config.width, int(config.width * config.mlp_ratio), **kw)

    def __call__(self, e_BSD: jax.Array, _: None, clip_BND: jax.Array) -> jax.Array:
        e_BSD = e_BSD + self.attention(layer_norm(e_BSD), None, (1, 1, e_BSD.shape[1]))
        e_BSD = e_BSD + self.cross(layer_norm(e_BSD), clip_BND, None)
        return e_BSD + self.mlp(layer_norm(e_BSD))


class WordEmbedding(nnx.Module):
    """A start token, then all words but the last, at their places: (B, S, D)."""

    def __init__(self, vocabulary: int, length: int, width: int, *, rngs: nnx.Rngs):
        table = nnx.with_partitioning(nnx.initializers.normal(width**-0.5), (None, "embed"))
        self.words = nnx.Param(table(rngs.params(), (vocabulary, width)))
        self.starts = nnx.Param(table(rngs.params(), (STARTS, width)))
        self.places = nnx.Param(table(rngs.params(), (length, width)))

    def __call__(self, start_B: jax.Array, caption_BS: jax.Array) -> jax.Array:
        first_B1D = self.starts[...][start_B.astype(jnp.int32)][:, None]
        e_BSD = jnp.concatenate([first_B1D, self.words[...][caption_BS[:, :-1]]], axis=1)
        return e_BSD + self.places[...]


class Captioner(nnx.Module):
    """logits_BSV = model(x_BTHWC, start_B, caption_BS): of each word, given those before it.

    x: (B, T, H, W, C) latents; start: (B,) ANY, SHORT or LONG, the length that is asked for;
    caption: (B, S) tokens, of which 0 ends the caption. Returns float32, zero at the start of
    training.
    """

    def __init__(self, config: ModelConfig, *, rngs: nnx.Rngs):
        kw = {"rngs": rngs, "dtype": jnp.dtype(config.dtype)}
        width, self.config = config.width, config
        self.patches = Dense(config.patch_numbers, width, (None, "embed"), **kw)
        self.encoder = stacked(functools.partial(EncoderLayer, config), config.depth, rngs)
        self.caption = WordEmbedding(config.vocabulary, config.text_length, width, rngs=rngs)
        self.decoder = stacked(functools.partial(DecoderLayer, config), config.depth, rngs)
        self.output = zeros_dense(width, config.vocabulary, ("embed", None), **kw)

    def __call__(self, x_BTHWC: jax.Array, start_B: jax.Array, caption_BS: jax.Array) -> jax.Array:
        return self.decode(self.encode(x_BTHWC), start_B, caption_BS)

    def encode(self, x_BTHWC: jax.Array) -> jax.Array:
        """What words attend to: (B, N, D)."""
        config, grid = self.config, embed.grid_of(x_BTHWC.shape, self.config.patch)
        x_BNP = embed.patchify(x_BTHWC, config.patch).astype(jnp.dtype(config.dtype))
        angles_NE = jnp.asarray(embed.rotary_angles(grid, config.width // config.heads))
        return layer_norm(repeat(self.encoder, config, self.patches(x_BNP), None, angles_NE, grid))

    def decode(self, clip_BND: jax.Array, start_B: jax.Array, caption_BS: jax.Array) -> jax.Array:
        """Logits (B, S, V) of each word, given the clip and the words before it."""
        e_BSD = self.caption(start_B, caption_BS).astype(jnp.dtype(self.config.dtype))
        e_BSD = repeat(self.decoder, self.config, e_BSD, None, clip_BND)
        return self.output(layer_norm(e_BSD)).astype(jnp.float32)

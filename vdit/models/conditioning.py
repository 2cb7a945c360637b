"""What conditions a model beside the clip: its timestep, and its caption or label."""

import jax
import jax.numpy as jnp
from flax import nnx
from jax.typing import DTypeLike

from vdit.config.model_config import ModelConfig
from vdit.errors import InputError
from vdit.models import embed
from vdit.models.layers import Dense
from vdit.parallel.sharding import replicate

Words = tuple[jax.Array, jax.Array]  # (B, S, D), and how many there are, (B,)


class Inputs(nnx.Module):
    """What goes into any network of noised clips: their patches and the timestep."""

    def __init__(self, config: ModelConfig, *, rngs: nnx.Rngs):
        kw = {"rngs": rngs, "dtype": jnp.dtype(config.dtype)}
        width, self.config = config.width, config
        self.patches = Dense(config.patch_numbers, width, (None, "embed"), **kw)
        # Names of weights are a file format: this one is the timestep's embedding.
        self.noise_level = embed.TimestepEmbedding(
            config.frequencies, width, config.max_period, **kw
        )


class Conditioned(Inputs):
    """The same, and the caption or label, and the clip's shape where the config asks for it."""

    def __init__(self, config: ModelConfig, *, rngs: nnx.Rngs):
        super().__init__(config, rngs=rngs)
        kw, shape = {"rngs": rngs, "dtype": jnp.dtype(config.dtype)}, config.shape_condition
        self.caption = caption_embedder(config, **kw)
        self.shape = embed.ShapeEmbedding(config.frequencies, config.width, **kw) if shape else None

    def condition(
        self, t: jax.Array, caption: jax.Array, shape_THW: tuple[int, int, int]
    ) -> tuple[jax.Array, Words | None]:
        """What modulates all blocks, (B, D) or (B, T, D), and the words that they attend to; the
        shape is that of the latents, so that any path that hands them over tells it."""
        frames = shape_THW[0] // self.config.patch[0]
        t = t if t.ndim == 1 else t[:, :: self.config.patch[0]]
        if t.ndim > 1 and t.shape[1] != frames:
            raise InputError(f"{t.shape[1]} timesteps a clip: expected 1 or {frames}")
        c, words, dtype = self.noise_level(t), None, jnp.dtype(self.config.dtype)
        if self.shape is not None:
            c = _added(c, self.shape(shape_THW, len(t)))
        if self.config.condition == "label":
            c = _added(c, self.caption(caption))
        elif self.config.condition != "none":
            e_BSD, length_B, pooled_BD = self.caption(caption)
            c, words = _added(c, pooled_BD), (e_BSD.astype(dtype), length_B)
        return replicate(jax.nn.silu(c).astype(dtype)), words


def _added(c: jax.Array, more_BD: jax.Array) -> jax.Array:
    return c + (more_BD if c.ndim == 2 else more_BD[:, None])


def caption_embedder(
    config: ModelConfig, *, rngs: nnx.Rngs, dtype: DTypeLike
) -> embed.CaptionEmbedding | embed.LabelEmbedding | None:
    """The module that embeds what `config.condition` names, or None."""
    if config.condition == "none":
        return None
    if config.condition == "label":
        return embed.LabelEmbedding(config.vocabulary, config.width, rngs=rngs)
    sizes = config.vocabulary, config.text_features, config.text_length, config.width
    return embed.CaptionEmbedding(*sizes, rngs=rngs, dtype=dtype)

"""What conditions a model beside the clip: its timestep, and its caption or label."""

import jax
import jax.numpy as jnp
from flax import nnx
from jax.typing import DTypeLike

from vdit.config.model_config import ModelConfig
from vdit.errors import InputError
from vdit.models import embed
from vdit.parallel.sharding import replicate

Words = tuple[jax.Array, jax.Array]  # (B, S, D), and how many there are, (B,)


def condition(
    model: nnx.Module, t: jax.Array, caption: jax.Array, frames: int
) -> tuple[jax.Array, Words | None]:
    """What modulates all blocks, (B, D) or (B, T, D), and the words that they attend to.

    `model` has `config`, `noise_level` and `caption`; `frames` are patches along time.
    """
    t = t if t.ndim == 1 else t[:, :: model.config.patch[0]]
    if t.ndim > 1 and t.shape[1] != frames:
        raise InputError(f"{t.shape[1]} timesteps a clip: expected 1 or {frames}")
    c, words, dtype = model.noise_level(t), None, jnp.dtype(model.config.dtype)
    if model.config.condition == "label":
        c = _added(c, model.caption(caption))
    elif model.config.condition != "none":
        e_BSD, length_B, pooled_BD = model.caption(caption)
        c, words = _added(c, pooled_BD), (e_BSD.astype(dtype), length_B)
    return replicate(jax.nn.silu(c).astype(dtype)), words


def _added(c: jax.Array, caption_BD: jax.Array) -> jax.Array:
    return c + (caption_BD if c.ndim == 2 else caption_BD[:, None])


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

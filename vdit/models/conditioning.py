"""What a model is told beside the clip: its noise level, and its caption or label."""

import jax
import jax.numpy as jnp

from vdit.config.model_config import ModelConfig
from vdit.errors import InputError
from vdit.models import embed
from vdit.parallel.sharding import whole


def condition(model, t: jax.Array, caption: jax.Array, frames: int):
    """What modulates all blocks, (B, D) or (B, T, D), and the words: (B, S, D) and a mask.

    `model` has `shape`, `noise_level` and `caption`; `frames` are patches along time.
    """
    t = t if t.ndim == 1 else t[:, :: model.shape.patch[0]]
    if t.ndim > 1 and t.shape[1] != frames:
        raise InputError(f"{t.shape[1]} noise levels a clip: expected 1 or {frames}")
    c, words, dtype = model.noise_level(t), None, jnp.dtype(model.shape.dtype)
    if model.shape.condition == "label":
        c = _added(c, model.caption(caption))
    elif model.shape.condition != "none":
        e_BSD, seen_BS, pooled_BD = model.caption(caption)
        c, words = _added(c, pooled_BD), (e_BSD.astype(dtype), seen_BS)
    return whole(jax.nn.silu(c).astype(dtype)), words


def _added(c: jax.Array, caption_BD: jax.Array) -> jax.Array:
    return c + (caption_BD if c.ndim == 2 else caption_BD[:, None])


def caption_embed(shape: ModelConfig, **kw):
    """The module that embeds what `shape.condition` names, or None."""
    if shape.condition == "none":
        return None
    if shape.condition == "label":
        return embed.LabelEmbed(shape.vocabulary, shape.width, rngs=kw["rngs"])
    sizes = shape.vocabulary, shape.text_features, shape.text_length, shape.width
    return embed.CaptionEmbed(*sizes, **kw)

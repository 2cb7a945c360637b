"""Classifier-free guidance (2207.12598), where it helps and no louder than it should be."""

import dataclasses
import math
from collections.abc import Callable

import jax
import jax.numpy as jnp

from vdit.diffusion.noise_level import NoiseLevel

Rows = tuple[tuple[float, ...], ...]  # (n, F)


def null_caption(like: jax.Array, rows: Rows = ()) -> jax.Array:
    """The caption that says nothing, of the shape of captions (B, S) or (B, S, F): zeros, or an
    embedding's rows, zeros behind them."""
    null = jnp.zeros_like(like)
    return null.at[:, : len(rows)].set(jnp.asarray(rows, like.dtype)) if rows else null


@dataclasses.dataclass(frozen=True)
class Guidance:
    """`interval` counts in sigma / alpha, EDM's sigma; `rescale` from 0 (off) to 1; `null` is the
    empty prompt's embedding (see `null_caption`)."""

    scale: float = 1.0
    interval: tuple[float, float] = (0.0, math.inf)
    rescale: float = 0.0
    channels: int = 0  # how many of the output's are guided; 0 for those of x
    null: Rows = ()

    @property
    def always(self) -> bool:
        """Whether no level is left out."""
        return tuple(self.interval) == (0.0, math.inf)


def classifier_free(cond: jax.Array, uncond: jax.Array, scale: float) -> jax.Array:
    """uncond + g (cond - uncond), outputs with and without caption (2207.12598, eq. 6)."""
    return uncond + scale * (cond - uncond)


def rescaled(guided: jax.Array, cond: jax.Array, phi: float) -> jax.Array:
    """phi guided std(cond) / std(guided) + (1 - phi) guided, per clip (2305.08891, eq. 15, 16)."""
    axes = tuple(range(1, guided.ndim))
    ratio = cond.std(axes, keepdims=True) / guided.std(axes, keepdims=True)
    return phi * ratio * guided + (1 - phi) * guided


def in_interval(level: NoiseLevel, interval: tuple[float, float]) -> jax.Array:
    """Whether guidance is on: low < sigma / alpha <= high (2404.07724, eq. 6)."""
    ratio = jnp.asarray(level.sigma) / level.alpha
    return (interval[0] < ratio) & (ratio <= interval[1])


def combine(cond: jax.Array, uncond: jax.Array, guidance: Guidance, channels: int) -> jax.Array:
    """The guided output; channels past the first (a learned variance) are the caption's own."""
    n = guidance.channels or channels
    out = classifier_free(cond[..., :n], uncond[..., :n], guidance.scale)
    if guidance.rescale:
        out = rescaled(out, cond[..., :n], guidance.rescale)
    return jnp.concatenate([out, cond[..., n:]], -1) if n < cond.shape[-1] else out


def guided(
    model: Callable[..., jax.Array], caption: jax.Array, guidance: Guidance
) -> Callable[[jax.Array, NoiseLevel], jax.Array]:
    """output(x, level) of the guided model; one batch of two halves, one where guidance is off."""
    null = null_caption(caption, guidance.null)

    def alone(x, level):
        return model(x, jnp.full((len(x),), level.t, jnp.float32), caption)

    def both(x, level):
        t_B = jnp.full((2 * len(x),), level.t, jnp.float32)
        two = model(jnp.concatenate([x, x]), t_B, jnp.concatenate([caption, null]))
        return combine(*jnp.split(two, 2), guidance, x.shape[-1])

    def output(x, level):
        if guidance.scale == 1.0:
            return alone(x, level)
        if guidance.always:
            return both(x, level)
        return jax.lax.cond(in_interval(level, guidance.interval), both, alone, x, level)

    return output

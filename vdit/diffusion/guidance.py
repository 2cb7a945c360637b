"""Classifier-free guidance (2207.12598), where it helps and no louder than it should be."""

import dataclasses
import math

import jax
import jax.numpy as jnp

from vdit.diffusion.schedules import Level


@dataclasses.dataclass(frozen=True)
class Guidance:
    """`interval` counts in sigma / alpha, EDM's sigma; `rescale` from 0 (off) to 1."""

    scale: float = 1.0
    interval: tuple[float, float] = (0.0, math.inf)
    rescale: float = 0.0
    channels: int = 0  # how many of the output's are guided; 0 for those of x

    @property
    def always(self) -> bool:
        """Whether no level is left out."""
        return tuple(self.interval) == (0.0, math.inf)


def mixed(seen: jax.Array, unseen: jax.Array, scale: float) -> jax.Array:
    """unseen + g (seen - unseen), outputs with and without caption (2207.12598, eq. 6)."""
    return unseen + scale * (seen - unseen)


def rescaled(guided: jax.Array, seen: jax.Array, phi: float) -> jax.Array:
    """phi guided std(seen) / std(guided) + (1 - phi) guided, per clip (2305.08891, eq. 15, 16)."""
    axes = tuple(range(1, guided.ndim))
    ratio = seen.std(axes, keepdims=True) / guided.std(axes, keepdims=True)
    return phi * ratio * guided + (1 - phi) * guided


def inside(level: Level, interval: tuple[float, float]) -> jax.Array:
    """Whether guidance is on: low < sigma / alpha <= high (2404.07724, eq. 6)."""
    ratio = jnp.asarray(level.sigma) / level.alpha
    return (interval[0] < ratio) & (ratio <= interval[1])


def combine(seen: jax.Array, unseen: jax.Array, guidance: Guidance, channels: int) -> jax.Array:
    """The guided output; channels past the first (a learned variance) are the caption's own."""
    n = guidance.channels or channels
    out = mixed(seen[..., :n], unseen[..., :n], guidance.scale)
    if guidance.rescale:
        out = rescaled(out, seen[..., :n], guidance.rescale)
    return jnp.concatenate([out, seen[..., n:]], -1) if n < seen.shape[-1] else out


def outputs(model, caption: jax.Array, guidance: Guidance, null: jax.Array | None = None):
    """output(x, level) of the guided model; one batch of two halves, one where guidance is off.

    `null` is the caption that says nothing; zeros where not given.
    """
    null = jnp.zeros_like(caption) if null is None else null

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
        return jax.lax.cond(inside(level, guidance.interval), both, alone, x, level)

    return output

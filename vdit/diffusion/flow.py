"""Rectified flow (2209.03003): straight lines from data (t = 0) to noise (t = 1)."""

import dataclasses

import jax
import jax.numpy as jnp


@dataclasses.dataclass(frozen=True)
class Flow:
    """Training's noise levels: logit-normal (2403.03206, eq. 19), then shifted (eq. 23)."""

    loc: float = 0.0
    scale: float = 1.0
    shift: float = 1.0


def shifted(t: jax.Array, shift: float) -> jax.Array:
    """t' = s t / (1 + (s - 1) t): larger latents want more noise (2403.03206, eq. 23)."""
    return shift * t / (1 + (shift - 1) * t)


def levels(u_B: jax.Array, flow: Flow) -> jax.Array:
    """(B,) noise levels from (B,) uniform numbers, stratified over the batch (2107.00630, I.1).

    Clip i of a batch gets the i-th stratum: the clips come shuffled, and the gradient is calmer.
    """
    batch = len(u_B)
    u = jnp.clip((jnp.arange(batch) + u_B) / batch, 1e-6, 1 - 1e-6)
    return shifted(jax.nn.sigmoid(flow.loc + flow.scale * jax.scipy.special.ndtri(u)), flow.shift)


def per_clip(a_B: jax.Array, like: jax.Array) -> jax.Array:
    """(B,) to (B, 1, 1, ...), to be multiplied with clips."""
    return a_B.reshape(-1, *(1,) * (like.ndim - 1))


def interpolate(x: jax.Array, noise: jax.Array, t_B: jax.Array) -> jax.Array:
    """x_t = (1 - t) x + t noise (2209.03003, eq. 1)."""
    t = per_clip(t_B, x)
    return (1 - t) * x + t * noise


def velocity(x: jax.Array, noise: jax.Array) -> jax.Array:
    """d x_t / d t = noise - x, what the model predicts."""
    return noise - x


def mean(x: jax.Array, weight: jax.Array | float = 1.0) -> jax.Array:
    """(B,) means over each clip's numbers, weighed by what broadcasts to them."""
    return (weight * x).reshape(len(x), -1).mean(-1)


def losses(model, x, noise, t_B, caption, weight=1.0) -> jax.Array:
    """(B,) mean squared error of the velocity, one number a clip."""
    error = model(interpolate(x, noise, t_B), t_B, caption) - velocity(x, noise)
    return mean(jnp.square(error), weight)


def fixed_levels(count: int) -> jax.Array:
    """(count,) noise levels for validation: uniform on [0, 1], one in the middle of each stratum.

    Neighbouring clips get levels far apart (multiples of the golden ratio, ranked), so that every
    tenth of t sees the same kind of clips.
    """
    rank = jnp.argsort(jnp.argsort((jnp.arange(count) * 0.6180339887498949) % 1.0))
    return (rank + 0.5) / count

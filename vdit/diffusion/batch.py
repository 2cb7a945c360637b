"""Numbers of a batch of clips: one for each clip, spread over a clip or averaged over it."""

import jax
import jax.numpy as jnp


def per_clip(a_B: jax.Array, like: jax.Array) -> jax.Array:
    """(B,) to (B, 1, 1, ...), to be multiplied with clips."""
    return a_B.reshape(-1, *(1,) * (like.ndim - 1))


def mean_flat(x: jax.Array, weight: jax.Array | float = 1.0) -> jax.Array:
    """(B,) means over each clip's numbers, weighed by what broadcasts to them."""
    return (weight * x).reshape(len(x), -1).mean(-1)


def stratified(u_B: jax.Array) -> jax.Array:
    """(B,) uniform numbers, one in each of B strata (2107.00630, I.1).

    Clip i of a batch gets the i-th stratum: the clips come shuffled, and the gradient is calmer.
    """
    return (jnp.arange(len(u_B)) + u_B) / len(u_B)

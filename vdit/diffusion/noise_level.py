"""How noisy a clip is: x_t = alpha x + sigma noise, at a timestep t, which the model takes."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from vdit.diffusion.batch import per_clip


class NoiseLevel(NamedTuple):
    """Scalars, (B,) for a batch, or (S + 1,) for a path from noise to data."""

    t: jax.Array | np.ndarray | float
    alpha: jax.Array | np.ndarray | float
    sigma: jax.Array | np.ndarray | float


def scales(level: NoiseLevel, like: jax.Array) -> tuple[jax.Array, jax.Array]:
    """alpha and sigma, ready to be multiplied with clips."""
    return tuple(per_clip(jnp.asarray(a, jnp.float32), like) for a in (level.alpha, level.sigma))


def noised(x: jax.Array, noise: jax.Array, level: NoiseLevel) -> jax.Array:
    """x_t = alpha x + sigma noise (2006.11239, eq. 4)."""
    alpha, sigma = scales(level, x)
    return alpha * x + sigma * noise

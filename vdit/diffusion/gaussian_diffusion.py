"""q and p of a chain of noise levels: Gaussians at every step (2006.11239, 2102.09672).

i_B (B,) are indices into the chain, 0 next to data; `fraction` has x's shape.
"""

import jax
import jax.numpy as jnp
import numpy as np

from vdit.diffusion import predictions
from vdit.diffusion.batch import per_clip
from vdit.diffusion.noise_level import NoiseLevel
from vdit.diffusion.schedules import Schedule

Gaussian = tuple[jax.Array, jax.Array]  # mean and log variance


def extract(table: np.ndarray, i_B: jax.Array, like: jax.Array) -> jax.Array:
    """Entries of a (T,) table, ready to be multiplied with clips."""
    return per_clip(jnp.asarray(table, jnp.float32)[i_B], like)


def noise_level(chain: Schedule, i_B: jax.Array, unit: float = 1.0) -> NoiseLevel:
    """(B,) levels of the chain; the model takes timestep / `unit`."""
    tables = chain.timesteps / unit, chain.alpha, chain.sigma
    return NoiseLevel(*(jnp.asarray(a, jnp.float32)[i_B] for a in tables))


def split(output: jax.Array, channels: int) -> tuple[jax.Array, jax.Array]:
    """The prediction (…, C) and the fraction of eq. 15 (…, C), from the model's (…, 2 C).

    The model says the fraction on [-1, 1], so that zero weights mean the middle.
    """
    return output[..., :channels], (output[..., channels:] + 1) / 2


def log_variance(chain: Schedule, fraction: jax.Array, i_B: jax.Array) -> jax.Array:
    """f log beta_i + (1 - f) log posterior variance (2102.09672, eq. 15)."""
    large = extract(np.log(chain.betas), i_B, fraction)
    small = extract(chain.posterior_log_variance, i_B, fraction)
    return fraction * large + (1 - fraction) * small


def posterior_mean(chain: Schedule, x: jax.Array, x_t: jax.Array, i_B: jax.Array) -> jax.Array:
    """The mean of q(x_{i-1} | x_i, x) (2006.11239, eq. 7)."""
    of_x, of_x_t = chain.posterior_mean_coefficients
    return extract(of_x, i_B, x) * x + extract(of_x_t, i_B, x) * x_t


def p_mean_variance(
    chain: Schedule, predicts: str, output: jax.Array, x_t: jax.Array, i_B: jax.Array
) -> Gaussian:
    """Mean and log variance of p(x_{i-1} | x_i) by the model's output (…, 2 C)."""
    prediction, fraction = split(output, x_t.shape[-1])
    x = predictions.data_from(predicts, prediction, x_t, noise_level(chain, i_B))
    return posterior_mean(chain, x, x_t, i_B), log_variance(chain, fraction, i_B)

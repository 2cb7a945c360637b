"""Denoising diffusion with a learned variance (2006.11239, 2102.09672) on a chain of levels.

i_B (B,) are places in the chain, 0 next to data; `fraction` has x's shape.
"""

import jax
import jax.numpy as jnp
import numpy as np

from vdit.diffusion import predictions
from vdit.diffusion.flow import mean, per_clip
from vdit.diffusion.schedules import TIMESTEPS, Level, Schedule


def at(table: np.ndarray, i_B: jax.Array, like: jax.Array) -> jax.Array:
    """Entries of a (T,) table, ready to be multiplied with clips."""
    return per_clip(jnp.asarray(table, jnp.float32)[i_B], like)


def level(chain: Schedule, i_B: jax.Array, unit: float = 1.0) -> Level:
    """(B,) levels at places of the chain; the model is told timestep / `unit`."""
    tables = chain.timesteps / unit, chain.alpha, chain.sigma
    return Level(*(jnp.asarray(a, jnp.float32)[i_B] for a in tables))


def q_sample(chain: Schedule, x: jax.Array, noise: jax.Array, i_B: jax.Array) -> jax.Array:
    """x_i = sqrt(a_i) x + sqrt(1 - a_i) noise (2006.11239, eq. 4)."""
    return predictions.noised(x, noise, level(chain, i_B))


def split(output: jax.Array, channels: int) -> tuple[jax.Array, jax.Array]:
    """The prediction (…, C) and the fraction of eq. 15 (…, C), from the model's (…, 2 C).

    The model says the fraction on [-1, 1], so that zero weights mean the middle.
    """
    return output[..., :channels], (output[..., channels:] + 1) / 2


def log_variance(chain: Schedule, fraction: jax.Array, i_B: jax.Array) -> jax.Array:
    """f log beta_i + (1 - f) log posterior variance (2102.09672, eq. 15)."""
    large = at(np.log(chain.betas), i_B, fraction)
    small = at(chain.posterior_log_variance, i_B, fraction)
    return fraction * large + (1 - fraction) * small


def posterior_mean(chain: Schedule, x: jax.Array, x_t: jax.Array, i_B: jax.Array) -> jax.Array:
    """The mean of q(x_{i-1} | x_i, x) (2006.11239, eq. 7)."""
    data, kept = chain.posterior_mean
    return at(data, i_B, x) * x + at(kept, i_B, x) * x_t


def p_mean_variance(chain: Schedule, predicts: str, output, x_t, i_B):
    """Mean and log variance of p(x_{i-1} | x_i) by the model's output (…, 2 C)."""
    prediction, fraction = split(output, x_t.shape[-1])
    x = predictions.data_from(predicts, prediction, x_t, level(chain, i_B))
    return posterior_mean(chain, x, x_t, i_B), log_variance(chain, fraction, i_B)


def normal_kl(mean1, log_variance1, mean2, log_variance2) -> jax.Array:
    """KL of two Gaussians in nats, number by number."""
    shift = jnp.square(mean1 - mean2) * jnp.exp(-log_variance2)
    ratio = log_variance1 - log_variance2
    return 0.5 * (jnp.exp(ratio) - ratio - 1 + shift)


def rough_cdf(x: jax.Array) -> jax.Array:
    """The normal distribution function through tanh, as published likelihoods have it."""
    return 0.5 * (1 + jnp.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)))


def bin_log_likelihood(x: jax.Array, mean: jax.Array, log_variance: jax.Array) -> jax.Array:
    """log of the Gaussian's mass in x's bin of 256 on [-1, 1] (2006.11239, eq. 13), in nats."""
    sd = jnp.exp(0.5 * log_variance)
    up = rough_cdf((x - mean + 1 / 255) / sd)
    down = rough_cdf((x - mean - 1 / 255) / sd)
    mass = jnp.where(x < -0.999, up, jnp.where(x > 0.999, 1 - down, up - down))
    return jnp.log(jnp.maximum(mass, 1e-12))


def bound(chain: Schedule, x, x_t, model, i_B, weight=1.0) -> jax.Array:
    """(B,) terms of the variational bound in bits per number (2102.09672, eq. 4 to 6).

    `model` is the mean and the log variance that it gives.
    """
    true_mean = posterior_mean(chain, x, x_t, i_B)
    true_log_variance = at(chain.posterior_log_variance, i_B, x)
    kl = normal_kl(true_mean, true_log_variance, *model)
    first = per_clip(i_B == 0, x)
    nats = jnp.where(first, -bin_log_likelihood(x, *model), kl)
    return mean(nats, weight) / np.log(2)


def losses(chain: Schedule, predicts: str, output, x, noise, i_B, weight=1.0):
    """(B,) squared errors of the prediction, and (B,) terms of the bound (0 where none is learned).

    The bound trains the variance alone: the mean is held (2102.09672, section 3.1).
    """
    here = level(chain, i_B)
    prediction, rest = jnp.split(output, [x.shape[-1]], -1)
    error = prediction - predictions.target(predicts, x, noise, here)
    square = mean(jnp.square(error), weight)
    if not rest.shape[-1]:
        return square, jnp.zeros_like(square)
    held = jnp.concatenate([jax.lax.stop_gradient(prediction), rest], -1)
    x_t = predictions.noised(x, noise, here)
    model = p_mean_variance(chain, predicts, held, x_t, i_B)
    return square, bound(chain, x, x_t, model, i_B, weight)


def hybrid(chain: Schedule, square_B: jax.Array, bound_B: jax.Array) -> jax.Array:
    """L_simple + 0.001 L_vlb, L_vlb a sum of T terms (2102.09672, eq. 16)."""
    return square_B + len(chain) / TIMESTEPS * bound_B

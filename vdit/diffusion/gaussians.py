"""Divergence and likelihood of diagonal Gaussians, in nats, number by number."""

import jax
import jax.numpy as jnp
import numpy as np

Number = jax.Array | float


def normal_kl(
    mean1: Number, log_variance1: Number, mean2: Number, log_variance2: Number
) -> jax.Array:
    """KL of the first from the second."""
    shift = jnp.square(mean1 - mean2) * jnp.exp(-log_variance2)
    ratio = log_variance1 - log_variance2
    return 0.5 * (jnp.exp(ratio) - ratio - 1 + shift)


def approx_standard_normal_cdf(x: jax.Array) -> jax.Array:
    """The normal distribution function through tanh, as published likelihoods have it."""
    return 0.5 * (1 + jnp.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)))


def discretized_log_likelihood(x: jax.Array, mean: jax.Array, log_variance: jax.Array) -> jax.Array:
    """log of the Gaussian's mass in x's bin of 256 on [-1, 1] (2006.11239, eq. 13)."""
    sd = jnp.exp(0.5 * log_variance)
    up = approx_standard_normal_cdf((x - mean + 1 / 255) / sd)
    down = approx_standard_normal_cdf((x - mean - 1 / 255) / sd)
    mass = jnp.where(x < -0.999, up, jnp.where(x > 0.999, 1 - down, up - down))
    return jnp.log(jnp.maximum(mass, 1e-12))

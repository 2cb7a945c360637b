"""EDM (2206.00364): x_t = x + sigma noise, and a network between two scales (table 1)."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np

from vdit.diffusion.flow import mean, per_clip
from vdit.diffusion.schedules import Level


@dataclasses.dataclass(frozen=True)
class EDM:
    """The paper's settings: `loc`, `scale` of log sigma in training; the sampler's ends."""

    loc: float = -1.2
    scale: float = 1.2
    data: float = 0.5  # standard deviation of the data
    low: float = 0.002
    high: float = 80.0
    rho: float = 7.0


def c_skip(sigma, data: float):
    """What of x_t goes past the network (eq. 7)."""
    return data**2 / (sigma**2 + data**2)


def c_out(sigma, data: float):
    """The scale of the network's output (eq. 7)."""
    return sigma * data / (sigma**2 + data**2) ** 0.5


def c_in(sigma, data: float):
    """Gives the network's input variance one (eq. 7)."""
    return 1 / (sigma**2 + data**2) ** 0.5


def c_noise(sigma):
    """What the network is told: log(sigma) / 4."""
    return jnp.log(sigma) / 4


def sigma_of(told):
    """The inverse of `c_noise`."""
    return jnp.exp(4 * told)


def weight(sigma, data: float):
    """lambda = 1 / c_out^2: an error of the network weighs alike at every sigma (table 1)."""
    return (sigma**2 + data**2) / (sigma * data) ** 2


def denoised(output: jax.Array, x_t: jax.Array, sigma_B: jax.Array, data: float) -> jax.Array:
    """D = c_skip x_t + c_out F(c_in x_t; c_noise) (eq. 7), from the network's output F."""
    sigma = per_clip(jnp.asarray(sigma_B, jnp.float32), x_t)
    return c_skip(sigma, data) * x_t + c_out(sigma, data) * output


def scaled(model, data: float):
    """The network F with c_in in front: model(x_t, c_noise, caption)."""

    def network(x_t, told_B, caption):
        return model(per_clip(c_in(sigma_of(told_B), data), x_t) * x_t, told_B, caption)

    return network


def levels(u_B: jax.Array, edm: EDM) -> jax.Array:
    """(B,) sigmas, log sigma ~ N(loc, scale^2) (table 1), from (B,) numbers in [0, 1]."""
    u = jnp.clip(u_B, 1e-6, 1 - 1e-6)
    return jnp.exp(edm.loc + edm.scale * jax.scipy.special.ndtri(u))


def losses(model, x, noise, sigma_B, caption, edm: EDM, numbers=1.0) -> jax.Array:
    """(B,) lambda |D(x + sigma noise) - x|^2, a mean over the clip's numbers (eq. 2 and 8).

    `numbers` weighs them one by one; lambda is `weight`.
    """
    x_t = x + per_clip(sigma_B, x) * noise
    output = scaled(model, edm.data)(x_t, c_noise(sigma_B), caption)
    error = jnp.square(denoised(output, x_t, sigma_B, edm.data) - x)
    return weight(sigma_B, edm.data) * mean(error, numbers)


def sigmas(steps: int, edm: EDM) -> np.ndarray:
    """(steps + 1,) from high to low, evenly spaced in sigma^(1/rho), then 0 (eq. 5)."""
    ends = np.array([edm.high, edm.low]) ** (1 / edm.rho)
    return np.append(np.linspace(*ends, steps) ** edm.rho, 0.0)


def path(steps: int, edm: EDM) -> Level:
    """(steps + 1,) levels from noise to data; at the last, 0, no model is asked."""
    sigma = sigmas(steps, edm)
    told = np.log(np.where(sigma > 0, sigma, edm.low)) / 4
    return Level(told, np.ones_like(sigma), sigma)

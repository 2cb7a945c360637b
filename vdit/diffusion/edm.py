"""EDM (2206.00364): x_t = x + sigma noise, and a network between two scales (table 1)."""

import dataclasses
import math
from typing import ClassVar

import jax
import jax.numpy as jnp
import numpy as np

from vdit.diffusion.batch import mean_flat, per_clip, stratified
from vdit.diffusion.noise_level import NoiseLevel
from vdit.diffusion.objectives import Model, Objective

Sigma = jax.Array | np.ndarray | float


def c_skip(sigma: Sigma, data: float) -> Sigma:
    """What of x_t goes past the network (eq. 7)."""
    return data**2 / (sigma**2 + data**2)


def c_out(sigma: Sigma, data: float) -> Sigma:
    """The scale of the network's output (eq. 7)."""
    return sigma * data / (sigma**2 + data**2) ** 0.5


def c_in(sigma: Sigma, data: float) -> Sigma:
    """Gives the network's input variance one (eq. 7)."""
    return 1 / (sigma**2 + data**2) ** 0.5


def c_noise(sigma: Sigma) -> jax.Array:
    """The timestep that the network takes: log(sigma) / 4."""
    return jnp.log(sigma) / 4


def sigma_of(t: Sigma) -> jax.Array:
    """The inverse of `c_noise`."""
    return jnp.exp(4 * t)


def loss_weight(sigma: Sigma, data: float) -> Sigma:
    """lambda = 1 / c_out^2: an error of the network weighs alike at every sigma (table 1)."""
    return (sigma**2 + data**2) / (sigma * data) ** 2


def denoised(output: jax.Array, x_t: jax.Array, sigma_B: Sigma, data: float) -> jax.Array:
    """D = c_skip x_t + c_out F(c_in x_t; c_noise) (eq. 7), from the network's output F."""
    sigma = per_clip(jnp.asarray(sigma_B, jnp.float32), x_t)
    return c_skip(sigma, data) * x_t + c_out(sigma, data) * output


def preconditioned(model: Model, data: float) -> Model:
    """The network F with c_in in front: model(x_t, c_noise, caption)."""

    def network(x_t, t_B, caption):
        return model(per_clip(c_in(sigma_of(t_B), data), x_t) * x_t, t_B, caption)

    return network


def losses(
    model: Model,
    x: jax.Array,
    noise: jax.Array,
    sigma_B: jax.Array,
    caption: jax.Array | None,
    data: float,
    weight: jax.Array | float = 1.0,
) -> jax.Array:
    """(B,) lambda |D(x + sigma noise) - x|^2, a mean over the clip's numbers (eq. 2 and 8)."""
    x_t = x + per_clip(sigma_B, x) * noise
    output = preconditioned(model, data)(x_t, c_noise(sigma_B), caption)
    error = jnp.square(denoised(output, x_t, sigma_B, data) - x)
    return loss_weight(sigma_B, data) * mean_flat(error, weight)


@dataclasses.dataclass(frozen=True)
class EDM(Objective):
    """The paper's settings: `loc`, `scale` of log sigma in training; the sampler's ends.

    A timestep t in [0, 1] is the share of training's noise levels below it.
    """

    loc: float = -1.2
    scale: float = 1.2
    data: float = 0.5  # standard deviation of the data
    low: float = 0.002
    high: float = 80.0
    rho: float = 7.0
    name: ClassVar[str] = "edm"
    methods: ClassVar[tuple[str, ...]] = ("euler", "heun", "ancestral", "dpm")

    @property
    def prior(self) -> float:
        return self.high

    @property
    def zero(self) -> NoiseLevel:
        """The least level there is; c_in is in its alpha, for it scales what is noised alone."""
        return NoiseLevel(math.log(self.low) / 4, c_in(self.low, self.data), self.low)

    def sample_timesteps(self, u_B: jax.Array) -> jax.Array:
        return stratified(u_B)

    def sigma_at(self, t_B: jax.Array) -> jax.Array:
        """(B,) sigmas, log sigma ~ N(loc, scale^2) (table 1), at quantiles t in [0, 1]."""
        u = jnp.clip(t_B, 1e-6, 1 - 1e-6)
        return jnp.exp(self.loc + self.scale * jax.scipy.special.ndtri(u))

    def losses(
        self,
        model: Model,
        x: jax.Array,
        noise: jax.Array,
        t_B: jax.Array,
        caption: jax.Array | None,
        weight: jax.Array | float = 1.0,
    ) -> jax.Array:
        return losses(model, x, noise, self.sigma_at(t_B), caption, self.data, weight)

    def preconditioned(self, model: Model) -> Model:
        return preconditioned(model, self.data)

    def path(self, steps: int) -> NoiseLevel:
        """At the last level, sigma 0, no model is asked."""
        sigma = self.sigmas(steps)
        t = np.log(np.where(sigma > 0, sigma, self.low)) / 4
        return NoiseLevel(t, np.ones_like(sigma), sigma)

    def sigmas(self, steps: int) -> np.ndarray:
        """(steps + 1,) from high to low, evenly spaced in sigma^(1/rho), then 0 (eq. 5)."""
        ends = np.array([self.high, self.low]) ** (1 / self.rho)
        return np.append(np.linspace(*ends, steps) ** self.rho, 0.0)

    def denoised(
        self, output: jax.Array, x_t: jax.Array, level: NoiseLevel
    ) -> tuple[jax.Array, float]:
        return denoised(output, x_t, level.sigma, self.data), 0.0


OBJECTIVE = EDM

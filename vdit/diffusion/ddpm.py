"""Denoising diffusion with a learned variance: its losses (2006.11239, 2102.09672)."""

import dataclasses
from typing import ClassVar

import jax
import jax.numpy as jnp
import numpy as np

from vdit.diffusion import predictions, schedules
from vdit.diffusion.batch import mean_flat, per_clip, stratified
from vdit.diffusion.gaussian_diffusion import (
    Gaussian,
    extract,
    noise_level,
    p_mean_variance,
    posterior_mean,
    split,
)
from vdit.diffusion.gaussians import discretized_log_likelihood, normal_kl
from vdit.diffusion.noise_level import NoiseLevel, noised
from vdit.diffusion.objectives import Model, Objective
from vdit.diffusion.schedules import TIMESTEPS, Schedule
from vdit.errors import InputError

Weight = jax.Array | float


def vb_terms_bpd(
    chain: Schedule,
    x: jax.Array,
    x_t: jax.Array,
    model: Gaussian,
    i_B: jax.Array,
    weight: Weight = 1.0,
) -> jax.Array:
    """(B,) terms of the variational bound in bits per number (2102.09672, eq. 4 to 6).

    `model` is the mean and the log variance that it gives.
    """
    true_mean = posterior_mean(chain, x, x_t, i_B)
    true_log_variance = extract(chain.posterior_log_variance, i_B, x)
    kl = normal_kl(true_mean, true_log_variance, *model)
    first = per_clip(i_B == 0, x)
    nats = jnp.where(first, -discretized_log_likelihood(x, *model), kl)
    return mean_flat(nats, weight) / np.log(2)


def losses(
    chain: Schedule,
    predicts: str,
    output: jax.Array,
    x: jax.Array,
    noise: jax.Array,
    i_B: jax.Array,
    weight: Weight = 1.0,
) -> tuple[jax.Array, jax.Array]:
    """(B,) squared errors of the prediction, and (B,) terms of the bound (0 where none is learned).

    The bound trains the variance alone: the mean is frozen (2102.09672, section 3.1).
    """
    level = noise_level(chain, i_B)
    prediction, rest = jnp.split(output, [x.shape[-1]], -1)
    error = prediction - predictions.target(predicts, x, noise, level)
    mse = mean_flat(jnp.square(error), weight)
    if not rest.shape[-1]:
        return mse, jnp.zeros_like(mse)
    frozen = jnp.concatenate([jax.lax.stop_gradient(prediction), rest], -1)
    x_t = noised(x, noise, level)
    model = p_mean_variance(chain, predicts, frozen, x_t, i_B)
    return mse, vb_terms_bpd(chain, x, x_t, model, i_B, weight)


def hybrid(chain: Schedule, mse_B: jax.Array, vb_B: jax.Array) -> jax.Array:
    """L_simple + 0.001 L_vlb, L_vlb a sum of T terms (2102.09672, eq. 16)."""
    return mse_B + len(chain) / TIMESTEPS * vb_B


@dataclasses.dataclass(frozen=True)
class DDPM(Objective):
    """A chain of noise levels (2006.11239); `predicts` epsilon, x or v.

    The model takes timestep / `unit`: 1,000 for models whose t runs from 0 to 1, 1 for
    published ones.
    """

    schedule: str = "linear"
    predicts: str = "epsilon"
    learned_variance: bool = True
    timesteps: int = TIMESTEPS
    spacing: str = "even"  # of the levels that are sampled at: see `schedules.respaced`
    unit: float = float(TIMESTEPS)
    methods: ClassVar[tuple[str, ...]] = ("ddim", "ancestral", "dpm")

    def __post_init__(self):
        if self.predicts not in ("epsilon", "x", "v"):
            raise InputError(f"ddpm.predicts {self.predicts!r}: expected epsilon, x or v")
        if self.spacing not in schedules.SPACINGS:
            known = " or ".join(schedules.SPACINGS)
            raise InputError(f"ddpm.spacing={self.spacing!r}: expected {known}")
        schedules.schedule(self.schedule, self.timesteps)

    @property
    def name(self) -> str:
        return f"ddpm-{self.schedule}-{self.predicts}" + "-learned" * self.learned_variance

    @property
    def outputs(self) -> int:
        return 1 + self.learned_variance

    @property
    def chain(self) -> Schedule:
        return schedules.schedule(self.schedule, self.timesteps)

    def indices(self, t_B: jax.Array) -> jax.Array:
        """(B,) indices into the chain of timesteps in [0, 1]."""
        return jnp.clip(jnp.floor(t_B * self.timesteps).astype(int), 0, self.timesteps - 1)

    def sample_timesteps(self, u_B: jax.Array) -> jax.Array:
        return stratified(u_B)

    def losses(
        self,
        model: Model,
        x: jax.Array,
        noise: jax.Array,
        t_B: jax.Array,
        caption: jax.Array | None,
        weight: Weight = 1.0,
    ) -> jax.Array:
        chain, i_B = self.chain, self.indices(t_B)
        level = noise_level(chain, i_B, self.unit)
        output = model(noised(x, noise, level), level.t, caption)
        parts = losses(chain, self.predicts, output, x, noise, i_B, weight)
        return hybrid(chain, *parts)

    def path(self, steps: int) -> NoiseLevel:
        return schedules.respaced(self.chain, steps, self.spacing).path(self.unit)

    def denoised(
        self, output: jax.Array, x_t: jax.Array, level: NoiseLevel
    ) -> tuple[jax.Array, jax.Array | float]:
        prediction, fraction = split(output, x_t.shape[-1])
        x = predictions.data_from(self.predicts, prediction, x_t, level)
        return x, fraction if self.learned_variance else 0.0


OBJECTIVE = DDPM

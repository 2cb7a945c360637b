"""Noise on a circle: x_t = cos(a) x + sin(a) noise, a = pi t / 2, and v (2202.00512, section 4)."""

import dataclasses
import math
from typing import ClassVar

import jax
import jax.numpy as jnp
import numpy as np

from vdit.diffusion import predictions
from vdit.diffusion.batch import mean_flat, stratified
from vdit.diffusion.noise_level import NoiseLevel, noised
from vdit.diffusion.objectives import Model, Objective


@dataclasses.dataclass(frozen=True)
class Trig(Objective):
    """The model predicts v = cos(a) noise - sin(a) x."""

    most: float = 1.0  # the largest timestep in training
    name: ClassVar[str] = "trig"
    methods: ClassVar[tuple[str, ...]] = ("ddim",)

    def sample_timesteps(self, u_B: jax.Array) -> jax.Array:
        return self.most * stratified(u_B)

    def losses(
        self,
        model: Model,
        x: jax.Array,
        noise: jax.Array,
        t_B: jax.Array,
        caption: jax.Array | None,
        weight: jax.Array | float = 1.0,
    ) -> jax.Array:
        level = NoiseLevel(t_B, jnp.cos(math.pi / 2 * t_B), jnp.sin(math.pi / 2 * t_B))
        error = model(noised(x, noise, level), t_B, caption)
        error -= predictions.target("v", x, noise, level)
        return mean_flat(jnp.square(error), weight)

    def path(self, steps: int) -> NoiseLevel:
        t = np.linspace(1.0, 0.0, steps + 1)
        return NoiseLevel(t, np.cos(math.pi / 2 * t), np.sin(math.pi / 2 * t))

    def denoised(
        self, output: jax.Array, x_t: jax.Array, level: NoiseLevel
    ) -> tuple[jax.Array, float]:
        return predictions.data_from("v", output, x_t, level), 0.0


OBJECTIVE = Trig

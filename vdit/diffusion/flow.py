"""Rectified flow (2209.03003): straight lines from data (t = 0) to noise (t = 1)."""

import dataclasses
import math
from collections.abc import Callable
from typing import ClassVar

import jax
import jax.numpy as jnp
import numpy as np

from vdit.diffusion import predictions, samplers
from vdit.diffusion.batch import mean_flat, per_clip, stratified
from vdit.diffusion.noise_level import NoiseLevel
from vdit.diffusion.objectives import Model, Objective


def shifted(t: jax.Array | np.ndarray, shift: float) -> jax.Array | np.ndarray:
    """t' = s t / (1 + (s - 1) t): larger latents want more noise (2403.03206, eq. 23)."""
    return shift * t / (1 + (shift - 1) * t)


def interpolate(x: jax.Array, noise: jax.Array, t_B: jax.Array) -> jax.Array:
    """x_t = (1 - t) x + t noise (2209.03003, eq. 1)."""
    t = per_clip(t_B, x)
    return (1 - t) * x + t * noise


def velocity(x: jax.Array, noise: jax.Array) -> jax.Array:
    """d x_t / d t = noise - x, what the model predicts."""
    return noise - x


def fixed_timesteps(count: int) -> jax.Array:
    """(count,) timesteps for validation: uniform on [0, 1], one in the middle of each stratum.

    Neighbouring clips get timesteps far apart (multiples of the golden ratio, ranked), so that
    every tenth of t sees the same kind of clips.
    """
    rank = jnp.argsort(jnp.argsort((jnp.arange(count) * 0.6180339887498949) % 1.0))
    return (rank + 0.5) / count


@dataclasses.dataclass(frozen=True)
class RectifiedFlow(Objective):
    """The model predicts the velocity; `loc`, `scale` and `shift` are of training's timesteps.

    With `shift_tokens` above 0 the shift is that of clips of so many latent patches.
    """

    loc: float = 0.0
    scale: float = 1.0
    shift: float = 1.0
    shift_tokens: int = 0
    name: ClassVar[str] = "flow"
    methods: ClassVar[tuple[str, ...]] = ("euler", "heun", "ddim", "ancestral", "dpm")

    def for_tokens(self, tokens: int) -> "RectifiedFlow":
        if not self.shift_tokens:
            return self
        shift = self.shift * math.sqrt(tokens / self.shift_tokens)  # 2403.03206, eq. 23
        return dataclasses.replace(self, shift=shift, shift_tokens=tokens)

    def sample_timesteps(self, u_B: jax.Array) -> jax.Array:
        """(B,) logit-normal timesteps (2403.03206, eq. 19), shifted."""
        u = jnp.clip(stratified(u_B), 1e-6, 1 - 1e-6)
        t_B = jax.nn.sigmoid(self.loc + self.scale * jax.scipy.special.ndtri(u))
        return shifted(t_B, self.shift)

    def losses(
        self,
        model: Model,
        x: jax.Array,
        noise: jax.Array,
        t_B: jax.Array,
        caption: jax.Array | None,
        weight: jax.Array | float = 1.0,
    ) -> jax.Array:
        """(B,) mean squared error of the velocity, one number a clip."""
        error = model(interpolate(x, noise, t_B), t_B, caption) - velocity(x, noise)
        return mean_flat(jnp.square(error), weight)

    def path(self, steps: int) -> NoiseLevel:
        t = shifted(np.linspace(1.0, 0.0, steps + 1), self.shift)
        return NoiseLevel(t, 1 - t, t)

    def denoised(
        self, output: jax.Array, x_t: jax.Array, level: NoiseLevel
    ) -> tuple[jax.Array, float]:
        return predictions.data_from("velocity", output, x_t, level), 0.0

    def integrate(
        self,
        output: Callable[[jax.Array, NoiseLevel], jax.Array],
        x: jax.Array,
        path: NoiseLevel,
        method: str,
        key: jax.Array | None = None,
    ) -> jax.Array:
        """Euler's or Heun's steps of the velocity itself, in t; others of the denoised data."""
        if method not in samplers.METHODS:
            return super().integrate(output, x, path, method, key)

        def velocity(x, t):
            return output(x, NoiseLevel(t, 1 - t, t))

        return samplers.integrate(velocity, x, path.t, method)


OBJECTIVE = RectifiedFlow

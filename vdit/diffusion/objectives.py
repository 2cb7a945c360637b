"""What a model is trained for, and how noise becomes data by it, chosen by the config.

All speak one language: times t_B in [0, 1] (0 data, 1 noise) in training and validation, a path
of levels in sampling. `told` is the model as it is asked on that path, `zero` how it is asked of
frames that are clean, `outputs` how many numbers it gives for one of x, `prior` the standard
deviation of the noise that sampling starts from, `methods` the samplers it can be sampled by.
"""

import dataclasses
import math
from typing import ClassVar

import jax
import jax.numpy as jnp
import numpy as np

from vdit.diffusion import ddpm, edm, flow, predictions, samplers, schedules
from vdit.diffusion.guidance import Guidance, outputs
from vdit.diffusion.schedules import Level, Schedule
from vdit.errors import InputError


def stratified(u_B: jax.Array) -> jax.Array:
    """(B,) uniform numbers, one in each of B strata (2107.00630, I.1)."""
    return (jnp.arange(len(u_B)) + u_B) / len(u_B)


@dataclasses.dataclass(frozen=True)
class RectifiedFlow:
    """Straight lines (2209.03003); see `flow`."""

    settings: flow.Flow = dataclasses.field(default_factory=flow.Flow)
    name: ClassVar[str] = "flow"
    zero: ClassVar[Level] = Level(0.0, 1.0, 0.0)
    outputs: ClassVar[int] = 1
    prior: ClassVar[float] = 1.0
    methods: ClassVar[tuple[str, ...]] = ("euler", "heun", "ddim", "ancestral", "dpm")

    def times(self, u_B):
        return flow.levels(u_B, self.settings)

    def losses(self, model, x, noise, t_B, caption, weight=1.0):
        return flow.losses(model, x, noise, t_B, caption, weight)

    def told(self, model):
        return model

    def path(self, steps: int) -> Level:
        t = flow.shifted(np.linspace(1.0, 0.0, steps + 1), self.settings.shift)
        return Level(t, 1 - t, t)

    def denoised(self, output, x_t, level):
        return predictions.data_from("velocity", output, x_t, level), 0.0

    def integrate(self, output, x, path: Level, method: str):
        """Euler's or Heun's steps of the velocity itself, in t."""
        velocity = lambda x, t: output(x, Level(t, 1 - t, t))  # noqa: E731
        return samplers.sample(velocity, x, path.t, method)


@dataclasses.dataclass(frozen=True)
class DDPM:
    """A chain of noise levels (2006.11239); `predicts` epsilon, x or v; see `ddpm`.

    The model is told timestep / `unit`: 1,000 for models whose t runs from 0 to 1, 1 for
    published ones.
    """

    schedule: str = "linear"
    predicts: str = "epsilon"
    learned_variance: bool = True
    timesteps: int = schedules.TIMESTEPS
    unit: float = float(schedules.TIMESTEPS)
    zero: ClassVar[Level] = Level(0.0, 1.0, 0.0)
    prior: ClassVar[float] = 1.0
    methods: ClassVar[tuple[str, ...]] = ("ddim", "ancestral", "dpm")

    def __post_init__(self):
        if self.predicts not in ("epsilon", "x", "v"):
            raise InputError(f"ddpm.predicts {self.predicts!r}: expected epsilon, x or v")
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

    def places(self, t_B):
        return jnp.clip(jnp.floor(t_B * self.timesteps).astype(int), 0, self.timesteps - 1)

    def times(self, u_B):
        return stratified(u_B)

    def losses(self, model, x, noise, t_B, caption, weight=1.0):
        chain, i_B = self.chain, self.places(t_B)
        level = ddpm.level(chain, i_B, self.unit)
        output = model(predictions.noised(x, noise, level), level.t, caption)
        parts = ddpm.losses(chain, self.predicts, output, x, noise, i_B, weight)
        return ddpm.hybrid(chain, *parts)

    def told(self, model):
        return model

    def path(self, steps: int) -> Level:
        return schedules.respaced(self.chain, steps).path(self.unit)

    def denoised(self, output, x_t, level):
        prediction, fraction = ddpm.split(output, x_t.shape[-1])
        x = predictions.data_from(self.predicts, prediction, x_t, level)
        return x, fraction if self.learned_variance else 0.0


@dataclasses.dataclass(frozen=True)
class Karras:
    """EDM (2206.00364); a time is the share of training's noise levels below it; see `edm`."""

    settings: edm.EDM = dataclasses.field(default_factory=edm.EDM)
    name: ClassVar[str] = "edm"
    outputs: ClassVar[int] = 1
    methods: ClassVar[tuple[str, ...]] = ("euler", "heun", "ancestral", "dpm")

    @property
    def prior(self) -> float:
        return self.settings.high

    @property
    def zero(self) -> Level:
        """The least level there is; `told` scales what is noised and leaves what is given."""
        low = self.settings.low
        return Level(math.log(low) / 4, edm.c_in(low, self.settings.data), low)

    def times(self, u_B):
        return stratified(u_B)

    def losses(self, model, x, noise, t_B, caption, weight=1.0):
        sigma_B = edm.levels(t_B, self.settings)
        return edm.losses(model, x, noise, sigma_B, caption, self.settings, weight)

    def told(self, model):
        return edm.scaled(model, self.settings.data)

    def path(self, steps: int) -> Level:
        return edm.path(steps, self.settings)

    def denoised(self, output, x_t, level):
        return edm.denoised(output, x_t, level.sigma, self.settings.data), 0.0


Objective = RectifiedFlow | DDPM | Karras


def create(config) -> Objective:
    """By `config.objective`, from the config's part of that name: flow, ddpm or edm."""
    makers = {
        "flow": lambda: RectifiedFlow(flow.Flow(**config.flow)),
        "ddpm": lambda: DDPM(**config.ddpm),
        "edm": lambda: Karras(edm.EDM(**config.edm)),
    }
    if config.objective not in makers:
        raise InputError(f"objective {config.objective!r}: expected {', '.join(makers)}")
    return makers[config.objective]()


def check(objective: Objective, method: str) -> None:
    """Raises `InputError` where noise of that objective cannot be sampled so."""
    if method not in objective.methods:
        names = ", ".join(objective.methods)
        raise InputError(f"sampling method {method!r} of {objective.name}: expected {names}")


@dataclasses.dataclass(frozen=True)
class Sampling:
    """How noise becomes latents; `strength` below 1 starts from data noised to that share."""

    method: str
    steps: int
    guidance: Guidance
    strength: float = 1.0


def sample(objective, model, noise, caption, how: Sampling, key=None, data=None):
    """Data from unit `noise` (B, T, H, W, C); `key` for ancestral sampling.

    With `how.strength` below 1 it starts from `data`, noised. Raises `InputError` for a method that
    the objective has not.
    """
    check(objective, how.method)
    output = outputs(objective.told(model), caption, how.guidance)
    path = samplers.latter(objective.path(how.steps), how.strength)
    x = objective.prior * noise
    if how.strength < 1:
        x = path.alpha[0] * data + path.sigma[0] * noise
    if isinstance(objective, RectifiedFlow) and how.method in samplers.METHODS:
        return objective.integrate(output, x, path, how.method)

    def denoise(x, level):
        return objective.denoised(output(x, level), x, level)

    if how.method == "heun":
        return samplers.follow_heun(denoise, x, path)
    return samplers.follow(denoise, x, path, samplers.TABLES[how.method](path), key)

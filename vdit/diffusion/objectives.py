"""What a model is trained for, and how noise becomes data by it, chosen by the config.

An objective lies beside its equations: `flow.RectifiedFlow`, `ddpm.DDPM`, `edm.EDM`. All have
timesteps t in [0, 1] (0 data, 1 noise) in training and validation, a path of noise levels in
sampling.
"""

import abc
import dataclasses
import importlib
from collections.abc import Callable
from typing import Any, ClassVar

import jax

from vdit import diffusion
from vdit.diffusion import samplers
from vdit.diffusion.guidance import Guidance, Rows, guided
from vdit.diffusion.noise_level import NoiseLevel
from vdit.errors import InputError

Model = Callable[..., jax.Array]  # (x_t, t_B, caption) -> its output


class Objective(abc.ABC):
    """A frozen dataclass: what a config says of it, and the equations that follow."""

    name: str  # the results table's
    methods: ClassVar[tuple[str, ...]]  # samplers that it can be sampled by
    outputs: int = 1  # numbers that the model gives for one of x
    prior: float = 1.0  # standard deviation of the noise that sampling starts from
    zero: NoiseLevel = NoiseLevel(0.0, 1.0, 0.0)  # how the model is asked of clean frames

    def for_tokens(self, tokens: int) -> "Objective":
        """The same for clips of so many latent patches; of most objectives it is no other."""
        return self

    @abc.abstractmethod
    def sample_timesteps(self, u_B: jax.Array) -> jax.Array:
        """(B,) timesteps of a batch in training, from (B,) uniform numbers."""

    @abc.abstractmethod
    def losses(
        self,
        model: Model,
        x: jax.Array,
        noise: jax.Array,
        t_B: jax.Array,
        caption: jax.Array | None,
        weight: jax.Array | float = 1.0,
    ) -> jax.Array:
        """(B,) losses of clips x; `weight` broadcasts to their numbers."""

    @abc.abstractmethod
    def path(self, steps: int) -> NoiseLevel:
        """(steps + 1,) noise levels from noise to data."""

    @abc.abstractmethod
    def denoised(
        self, output: jax.Array, x_t: jax.Array, level: NoiseLevel
    ) -> tuple[jax.Array, jax.Array | float]:
        """The data that the model sees in x_t, and the fraction of 2102.09672, eq. 15."""

    def preconditioned(self, model: Model) -> Model:
        """The model as it is asked on the path."""
        return model

    def integrate(
        self,
        output: Callable[[jax.Array, NoiseLevel], jax.Array],
        x: jax.Array,
        path: NoiseLevel,
        method: str,
        key: jax.Array | None = None,
    ) -> jax.Array:
        """x along the path by the method; `output` is the guided model's, `key` for ancestral."""

        def denoise(x, level):
            return self.denoised(output(x, level), x, level)

        if method == "heun":
            return samplers.denoise_by_heun(denoise, x, path)
        return samplers.denoise_along(denoise, x, path, samplers.TABLES[method](path), key)


def create(config: Any) -> Objective:
    """By `config.objective`, from the config's part of that name, where it has one."""
    name = config.objective
    if name not in diffusion.names():
        raise InputError(f"objective {name!r}: expected {', '.join(diffusion.names())}")
    module = importlib.import_module(f"vdit.diffusion.{name}")
    return module.OBJECTIVE(**config.get(name, {}))


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


def sample(
    objective: Objective,
    model: Model,
    noise: jax.Array,
    caption: jax.Array,
    how: Sampling,
    key: jax.Array | None = None,
    data: jax.Array | None = None,
) -> jax.Array:
    """Data from unit `noise` (B, T, H, W, C); `key` for ancestral sampling.

    With `how.strength` below 1 it starts from `data`, noised. Raises `InputError` for a method that
    the objective has not.
    """
    check(objective, how.method)
    output = guided(objective.preconditioned(model), caption, how.guidance)
    path = samplers.truncated(objective.path(how.steps), how.strength)
    x = objective.prior * noise
    if how.strength < 1:
        x = path.alpha[0] * data + path.sigma[0] * noise
    return objective.integrate(output, x, path, how.method, key)


def sampling_of(settings: Any, null: Rows = ()) -> Sampling:
    """By a config's `sampling`; an empty interval is one without bounds. `null` is Guidance's."""
    interval = tuple(settings["interval"]) or Guidance().interval
    guidance = Guidance(settings["guidance"], interval, settings["rescale"], null=null)
    return Sampling(settings["method"], settings["steps"], guidance)


def changed(
    sampling: Sampling,
    steps: int | None = None,
    method: str | None = None,
    scale: float | None = None,
    strength: float | None = None,
) -> Sampling:
    """The sampling with what is not None changed; `scale` is that of guidance."""
    guidance = sampling.guidance
    if scale is not None:
        guidance = dataclasses.replace(guidance, scale=scale)
    asked = {"steps": steps, "method": method, "strength": strength, "guidance": guidance}
    return dataclasses.replace(sampling, **{k: v for k, v in asked.items() if v is not None})

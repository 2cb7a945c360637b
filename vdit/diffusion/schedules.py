"""Chains of noise levels (DDPM), as tables of float64 numbers."""

import dataclasses
import functools
from collections.abc import Callable

import numpy as np

from vdit.diffusion.noise_level import NoiseLevel
from vdit.errors import InputError

TIMESTEPS = 1000


@dataclasses.dataclass(frozen=True, eq=False)
class Schedule:
    """A chain q(x_i | x) = N(sqrt(a_i) x, 1 - a_i), a = `alphas_cumprod` (2006.11239, eq. 4).

    Both arrays (T,), from data to noise. `timesteps` are indices into the chain that this one was
    respaced from: what the model takes.
    """

    alphas_cumprod: np.ndarray
    timesteps: np.ndarray

    def __len__(self) -> int:
        return len(self.timesteps)

    @functools.cached_property
    def alpha(self) -> np.ndarray:
        """The share of data in x_i."""
        return np.sqrt(self.alphas_cumprod)

    @functools.cached_property
    def sigma(self) -> np.ndarray:
        """The share of noise in x_i."""
        return np.sqrt(1 - self.alphas_cumprod)

    @functools.cached_property
    def alphas_cumprod_prev(self) -> np.ndarray:
        """a_{i-1}; before the first is data."""
        return np.append(1.0, self.alphas_cumprod[:-1])

    @functools.cached_property
    def betas(self) -> np.ndarray:
        """beta_i = 1 - a_i / a_{i-1} (2102.09672, eq. 13)."""
        return 1 - self.alphas_cumprod / self.alphas_cumprod_prev

    @functools.cached_property
    def posterior_variance(self) -> np.ndarray:
        """(1 - a_{i-1}) / (1 - a_i) beta_i, the variance of q(x_{i-1} | x_i, x) (eq. 7)."""
        return self.betas * (1 - self.alphas_cumprod_prev) / (1 - self.alphas_cumprod)

    @functools.cached_property
    def posterior_log_variance(self) -> np.ndarray:
        """Its logarithm; the first, of zero, is replaced by the second (as in DDPM's code)."""
        return np.log(np.append(self.posterior_variance[1:2], self.posterior_variance[1:]))

    @functools.cached_property
    def posterior_mean_coefficients(self) -> tuple[np.ndarray, np.ndarray]:
        """Of x and of x_i in the mean of q(x_{i-1} | x_i, x) (2006.11239, eq. 7)."""
        of_x = self.betas * np.sqrt(self.alphas_cumprod_prev) / (1 - self.alphas_cumprod)
        of_x_t = (
            (1 - self.alphas_cumprod_prev) * np.sqrt(1 - self.betas) / (1 - self.alphas_cumprod)
        )
        return of_x, of_x_t

    def path(self, unit: float) -> NoiseLevel:
        """(T + 1,) levels from noise to data; the model takes timestep / `unit`."""
        up = np.append(0, self.timesteps) / unit, np.append(1, self.alpha), np.append(0, self.sigma)
        return NoiseLevel(*(a[::-1] for a in up))


def from_betas(betas: np.ndarray) -> Schedule:
    """The chain whose steps add the variances `betas` (T,)."""
    return Schedule(np.cumprod(1 - betas), np.arange(len(betas)))


def linear(steps: int = TIMESTEPS) -> Schedule:
    """beta from 1e-4 to 0.02 (2006.11239, section 4), scaled where T is not 1,000."""
    return from_betas(np.linspace(1e-4, 0.02, steps) * TIMESTEPS / steps)


def cosine(steps: int = TIMESTEPS) -> Schedule:
    """a(t) = cos^2((t + s) / (1 + s) pi / 2), s = 0.008, beta <= 0.999 (2102.09672, eq. 17)."""
    t = np.arange(steps + 1) / steps
    a = np.cos((t + 0.008) / 1.008 * np.pi / 2) ** 2
    return from_betas(np.minimum(1 - a[1:] / a[:-1], 0.999))


SCHEDULES: dict[str, Callable[[int], Schedule]] = {"linear": linear, "cosine": cosine}


@functools.lru_cache(maxsize=8)
def schedule(name: str, steps: int = TIMESTEPS) -> Schedule:
    """The chain of that name; raises `InputError` for another, or where a step erases x."""
    if name not in SCHEDULES:
        raise InputError(f"noise schedule {name!r}: expected {' or '.join(SCHEDULES)}")
    made = SCHEDULES[name](steps)
    if not ((made.betas > 0) & (made.betas < 1)).all():
        raise InputError(f"a {name} schedule of {steps} steps: expected more, some beta is over 1")
    return made


def respaced(chain: Schedule, steps: int, spacing: str = "even") -> Schedule:
    """`steps` levels of the chain: even ones, from end to end (2102.09672, section 4), or trailing,
    every so many-th from noise on, as diffusers counts them (2305.08891, table 2)."""
    indices = SPACINGS[spacing](len(chain), steps)
    return Schedule(chain.alphas_cumprod[indices], chain.timesteps[indices])


def _even(length: int, steps: int) -> np.ndarray:
    if not 1 < steps <= length:
        raise InputError(f"{steps} sampling steps: expected 2 to {length}, the chain's length")
    # Added up one by one: where an index falls on a half, rounding must go as in the papers' code.
    stride = (length - 1) / (steps - 1)
    return np.rint(np.cumsum(np.append(0.0, np.full(steps - 1, stride)))).astype(int)


def _trailing(length: int, steps: int) -> np.ndarray:
    if steps < 1 or length % steps:
        raise InputError(
            f"{steps} sampling steps with ddpm.spacing=trailing: expected a divisor of {length}, "
            "the chain's length"
        )
    stride = length // steps
    return np.arange(stride - 1, length, stride)


SPACINGS: dict[str, Callable[[int, int], np.ndarray]] = {"even": _even, "trailing": _trailing}

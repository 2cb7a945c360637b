"""From noise to data: integrators of dx/dt = v(x, t), and steps along a path of noise levels."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from vdit.diffusion.noise_level import NoiseLevel

Velocity = Callable[[jax.Array, jax.Array], jax.Array]
# (x_t, level) -> the data that the model sees in x_t, and the fraction of 2102.09672, eq. 15
Denoiser = Callable[[jax.Array, NoiseLevel], tuple[jax.Array, Any]]


def euler(velocity: Velocity, x: jax.Array, t: jax.Array, t_next: jax.Array) -> jax.Array:
    """x + (t' - t) v(x, t): first order."""
    return x + (t_next - t) * velocity(x, t)


def heun(velocity: Velocity, x: jax.Array, t: jax.Array, t_next: jax.Array) -> jax.Array:
    """The mean of the slopes at both ends (2206.00364, alg. 1): second order, twice the cost."""
    slope = velocity(x, t)
    ahead = velocity(x + (t_next - t) * slope, t_next)
    return x + (t_next - t) * 0.5 * (slope + ahead)


METHODS = {"euler": euler, "heun": heun}


def integrate(velocity: Velocity, x: jax.Array, t: np.ndarray, method: str = "euler") -> jax.Array:
    """x along the timesteps t (S + 1,), from noise (1) or between, to data (0)."""
    step, t = METHODS[method], jnp.asarray(t, jnp.float32)

    def body(i, x):
        return step(velocity, x, t[i], t[i + 1])

    return jax.lax.fori_loop(0, len(t) - 1, body, x)


# --- along any path x_t = alpha x + sigma noise -------------------------------------------------


class Coefficients(NamedTuple):
    """x' = x_t x_t + data D + previous D_previous + noise ratio^fraction z, D the denoised x_t.

    Every sampler of one evaluation a step is such a table, (S,) each, worked out in float64.
    """

    x_t: np.ndarray
    data: np.ndarray
    previous: np.ndarray
    noise: np.ndarray
    ratio: np.ndarray


def truncated(path: NoiseLevel, strength: float) -> NoiseLevel:
    """The last share of a path's steps: where the editing of data starts (SDEdit, 2108.01073)."""
    first = round((1 - strength) * (len(path.t) - 1))
    return NoiseLevel(*(a[first:] for a in path))


def endpoints(path: NoiseLevel) -> tuple[NoiseLevel, NoiseLevel]:
    """Where each of the S steps starts and where it goes."""
    return NoiseLevel(*(a[:-1] for a in path)), NoiseLevel(*(a[1:] for a in path))


def ddim(path: NoiseLevel, eta: float = 0.0) -> Coefficients:
    """x' = alpha' D + sqrt(sigma'^2 - s^2) noise + s z (2010.02502, eq. 12; s: eq. 16).

    On the straight path of a flow, and eta 0, it is Euler's step.
    """
    here, there = endpoints(path)
    added = here.sigma**2 - (here.alpha / there.alpha * there.sigma) ** 2
    noise = eta * there.sigma / here.sigma * np.sqrt(added)
    x_t = np.sqrt(np.maximum(there.sigma**2 - noise**2, 0)) / here.sigma
    data = there.alpha - here.alpha * x_t
    return Coefficients(x_t, data, np.zeros_like(x_t), noise, np.ones_like(x_t))


def ancestral(path: NoiseLevel) -> Coefficients:
    """A draw of p(x' | x_t) (2006.11239, alg. 2): DDIM's step at eta 1, its variance free.

    From the posterior's (fraction 0) to beta (fraction 1): sigma / sigma' in standard deviation.
    """
    here, there = endpoints(path)
    ratio = here.sigma / np.where(there.sigma > 0, there.sigma, here.sigma)
    return ddim(path, 1.0)._replace(ratio=ratio)


def dpm_solver(path: NoiseLevel) -> Coefficients:
    """DPM-Solver++(2M) (2211.01095, alg. 2): D moved on along log(alpha / sigma), second order.

    First order where a step is over twice as long as the one before it, and an extrapolation
    would reach further than it has seen: the first step, the last one to sigma 0, and the one to
    index 0 of a coarse chain (without this, 40 steps of the linear chain are worse than DDIM's).
    """
    first = ddim(path)
    with np.errstate(divide="ignore", invalid="ignore"):
        h = np.diff(np.log(path.alpha / path.sigma))
        ahead = np.append(0.0, h[1:] / (2 * h[:-1]))
    ahead = np.where(ahead <= 1, ahead, 0.0)
    return first._replace(data=first.data * (1 + ahead), previous=-first.data * ahead)


TABLES: dict[str, Callable[[NoiseLevel], Coefficients]] = {
    "euler": ddim,
    "ddim": ddim,
    "ancestral": ancestral,
    "dpm": dpm_solver,
}


def step(
    denoise: Denoiser,
    state: tuple[jax.Array, jax.Array],
    level: NoiseLevel,
    row: Coefficients,
    z: jax.Array | None = None,
) -> tuple[jax.Array, jax.Array]:
    """(x, D_previous) one step on."""
    x, previous = state
    data, fraction = denoise(x, level)
    moved = row.x_t * x + row.data * data + row.previous * previous
    if z is not None:
        moved = moved + row.noise * row.ratio**fraction * z
    return moved, data


def denoise_along(
    denoise: Denoiser,
    x: jax.Array,
    path: NoiseLevel,
    table: Coefficients,
    key: jax.Array | None = None,
) -> jax.Array:
    """x at the path's first level to x at its last; `key` where the table adds noise."""
    noisy = bool(table.noise.any())

    def body(state, now):
        i, level, row = now
        z = jax.random.normal(jax.random.fold_in(key, i), x.shape) if noisy else None
        return step(denoise, state, level, row, z), None

    now = (np.arange(len(table.x_t)), endpoints(path)[0], table)
    return jax.lax.scan(body, (x, jnp.zeros_like(x)), _float32(now))[0][0]


def denoise_by_heun(denoise: Denoiser, x: jax.Array, path: NoiseLevel) -> jax.Array:
    """Heun's steps where alpha is 1 (2206.00364, alg. 1); the last, to sigma 0, is Euler's."""

    def slope(x, level):
        return (x - denoise(x, level)[0]) / level.sigma

    def body(x, now):
        here, there = now
        start, length = slope(x, here), there.sigma - here.sigma
        end = jax.lax.cond(there.sigma > 0, lambda: slope(x + length * start, there), lambda: start)
        return x + length * 0.5 * (start + end), None

    return jax.lax.scan(body, x, _float32(endpoints(path)))[0]


def _float32(tables: Any) -> Any:
    return jax.tree.map(lambda a: jnp.asarray(a, None if a.dtype == int else jnp.float32), tables)

"""From noise to data: integrators of dx/dt = v(x, t) from t = 1 to t = 0."""

from collections.abc import Callable

import jax
import jax.numpy as jnp

from vdit.diffusion.flow import shifted

Velocity = Callable[[jax.Array, jax.Array], jax.Array]


def guided(model, caption: jax.Array, guidance: float) -> Velocity:
    """v = v(null) + g (v(caption) - v(null)) (2207.12598); one batch of two halves."""

    def velocity(x, t):
        t_B = jnp.full((len(x),), t)
        if guidance == 1.0:
            return model(x, t_B, caption)
        null = jnp.zeros_like(caption)
        both = model(*(jnp.concatenate(pair) for pair in ((x, x), (t_B, t_B), (caption, null))))
        with_caption, without = jnp.split(both, 2)
        return without + guidance * (with_caption - without)

    return velocity


def euler(velocity: Velocity, x, t, t_next):
    """x + (t' - t) v(x, t): first order."""
    return x + (t_next - t) * velocity(x, t)


def heun(velocity: Velocity, x, t, t_next):
    """The mean of the slopes at both ends (2206.00364, alg. 1): second order, twice the cost."""
    slope = velocity(x, t)
    ahead = velocity(x + (t_next - t) * slope, t_next)
    return x + (t_next - t) * 0.5 * (slope + ahead)


METHODS = {"euler": euler, "heun": heun}


def sample(velocity: Velocity, noise: jax.Array, steps: int, method: str = "euler", shift=1.0):
    """Integrates `noise` from t = 1 to t = 0 in `steps` steps, spaced by the resolution shift."""
    levels = shifted(jnp.linspace(1.0, 0.0, steps + 1), shift)
    step = METHODS[method]

    def body(i, x):
        return step(velocity, x, levels[i], levels[i + 1])

    return jax.lax.fori_loop(0, steps, body, noise)

"""What a model may be asked for: any mixture out = p x + q noise, and the way back.

With x_t = alpha x + sigma noise these are two equations in two unknowns; `TARGETS` holds p and q.
"""

from collections.abc import Callable

import jax

from vdit.diffusion.noise_level import NoiseLevel, scales

TARGETS: dict[str, Callable] = {
    "epsilon": lambda alpha, sigma: (0.0, 1.0),  # 2006.11239, eq. 11
    "x": lambda alpha, sigma: (1.0, 0.0),
    "v": lambda alpha, sigma: (-sigma, alpha),  # 2202.00512, section 4
    "velocity": lambda alpha, sigma: (-1.0, 1.0),  # 2209.03003, eq. 1
}


def target(kind: str, x: jax.Array, noise: jax.Array, level: NoiseLevel) -> jax.Array:
    """What a model that predicts `kind` should say."""
    p, q = TARGETS[kind](*scales(level, x))
    return p * x + q * noise


def data_from(kind: str, out: jax.Array, x_t: jax.Array, level: NoiseLevel) -> jax.Array:
    """x = (q x_t - sigma out) / (q alpha - p sigma)."""
    alpha, sigma = scales(level, x_t)
    p, q = TARGETS[kind](alpha, sigma)
    return (q * x_t - sigma * out) / (q * alpha - p * sigma)

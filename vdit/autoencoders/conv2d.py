"""2-D parts of the published autoencoders; those of images have no others.

Attributes are named as in PyTorch, so that a path in the weights is a name in a checkpoint.
"""

from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx

SAME, AFTER = ((1, 1), (1, 1)), ((0, 1), (0, 1))  # padding, as PyTorch gives it with a stride of 2


def conv(d_in: int, d_out: int, size: int = 3, *, rngs: nnx.Rngs, **kwargs: Any) -> nnx.Conv:
    """A convolution of size x size that keeps height and width, but for a stride."""
    padding = SAME if size == 3 else "VALID"
    return nnx.Conv(d_in, d_out, (size, size), rngs=rngs, **{"padding": padding} | kwargs)


def group_norm(width: int, groups: int, epsilon: float, *, rngs: nnx.Rngs) -> nnx.GroupNorm:
    """Group norm whose variance is the mean of squared deviations, as PyTorch computes it."""
    return nnx.GroupNorm(
        width, num_groups=groups, epsilon=epsilon, use_fast_variance=False, rngs=rngs
    )


def upsample_nearest(x_HWC: jax.Array) -> jax.Array:
    """Twice the height and width: every pixel as a square of four; axes before these stay."""
    return jnp.repeat(jnp.repeat(x_HWC, 2, axis=-3), 2, axis=-2)

"""Convolutions of channels-last images and videos, with weights as PyTorch names and shapes them.

Axes: B images or videos, S their one to three sides, C channels.
"""

from collections.abc import Mapping
from typing import Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

EPSILON = 1e-3  # of the batch norms of networks that were trained in TensorFlow


class Conv(NamedTuple):
    """A convolution, and the batch norm after it where it has one."""

    kernel: jax.Array  # sides of the window, channels in, channels out
    bias: jax.Array


def convolve(
    conv: Conv, x_BSC: jax.Array, stride: int = 1, padding: Literal["SAME", "VALID"] = "SAME"
) -> jax.Array:
    """W x + b; SAME is TensorFlow's: ceil(S / stride) out, the odd pixel of padding at the end."""
    sides = "DHW"[-(x_BSC.ndim - 2) :]
    axes, strides = (f"N{sides}C", f"{sides}IO", f"N{sides}C"), (stride,) * len(sides)
    return conv.bias + jax.lax.conv_general_dilated(
        x_BSC, conv.kernel, strides, padding, dimension_numbers=axes
    )


def plain(state: Mapping[str, np.ndarray], conv: str) -> Conv:
    """A convolution with a bias, or a linear layer."""
    return Conv(jnp.asarray(_kernel(state, conv)), jnp.asarray(state[f"{conv}.bias"]))


def folded(state: Mapping[str, np.ndarray], conv: str, norm: str) -> Conv:
    """gamma (W x - mean) / sqrt(var + eps) + beta as one convolution."""
    scale = state[f"{norm}.weight"] / np.sqrt(state[f"{norm}.running_var"] + EPSILON)
    bias = state[f"{norm}.bias"] - state[f"{norm}.running_mean"] * scale
    return Conv(jnp.asarray(_kernel(state, conv) * scale), jnp.asarray(bias))


def _kernel(state: Mapping[str, np.ndarray], conv: str) -> np.ndarray:
    weight = state[f"{conv}.weight"]
    return weight.transpose(*range(2, weight.ndim), 1, 0)

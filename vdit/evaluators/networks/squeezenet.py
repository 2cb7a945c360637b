"""SqueezeNet 1.1 (1602.07360) of ImageNet with LPIPS' heads for it (1801.03924), in JAX.

Weights: from a folder that has SqueezeNet's convolutions as Keras keeps them (a .h5 file) and the
heads as LPIPS v0.1 publishes them (squeeze.pth). The heads were fitted to other weights of the same
layers, PyTorch's: distances order pairs as LPIPS does, and are not the published LPIPS.
"""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from vdit.errors import InputError
from vdit.evaluators.networks.convolution import Conv, convolve
from vdit.pretrained import pickled

CONVOLUTIONS = "squeezenet_weights_tf_dim_ordering_tf_kernels_notop.h5"
HEADS = "squeeze.pth"
MEAN = (103.939, 116.779, 123.68)  # of blue, green, red, which the network reads in this order
FIRES = range(2, 10)
POOLED = (2, 4, 6)  # fires that a max-pool comes before
LEAST = 31  # px of a side, below which the third pool has no window


class Network(NamedTuple):
    """All of its weights."""

    stem: Conv
    fires: tuple[tuple[Conv, Conv, Conv], ...]  # squeeze, expand by 1x1, expand by 3x3
    heads: tuple[jax.Array, ...]  # (C,) weights of channels, none below zero, of seven stages


def load(folder: str | Path) -> tuple[Network, str]:
    """The network and 8 hex digits of its files; `InputError` for a folder that has not both."""
    paths = [Path(folder) / name for name in (CONVOLUTIONS, HEADS)]
    for path in paths:
        if not path.is_file():
            raise InputError(f"{folder}: expected SqueezeNet's {CONVOLUTIONS} and LPIPS' {HEADS}")
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in paths)).hexdigest()[:8]
    try:
        return build(_arrays(paths[0]), pickled.load(paths[1])), digest
    except KeyError as error:
        raise InputError(f"{folder}: SqueezeNet's {error} is in neither of its files") from error


def _arrays(path: Path) -> dict[str, np.ndarray]:
    """{"fire2/squeeze1x1/kernel": array, ...}: of a layer, by their axes."""
    try:
        import h5py
    except ImportError as error:
        raise InputError(f"{path}: HDF5 is not installed: expected vdit's extra eval") from error
    found = {}

    def read(name: str, item: h5py.Group | h5py.Dataset) -> None:
        if isinstance(item, h5py.Dataset):
            layer = "/".join(name.split("/")[: 2 if name.startswith("fire") else 1])
            found[f"{layer}/{'kernel' if item.ndim == 4 else 'bias'}"] = item[()]

    try:
        with h5py.File(path) as file:
            file.visititems(read)
    except OSError as error:
        raise InputError(f"{path}: not a readable HDF5 file: {error}") from error
    return found


def build(arrays: Mapping[str, np.ndarray], heads: Mapping[str, np.ndarray]) -> Network:
    """The network from Keras' arrays, "conv1/kernel" and so on, and LPIPS' own."""
    parts = ("squeeze1x1", "expand1x1", "expand3x3")
    fires = tuple(tuple(_conv(arrays, f"fire{n}/{part}") for part in parts) for n in FIRES)
    found = (heads[f"lin{stage}.model.1.weight"].ravel() for stage in range(7))
    return Network(_conv(arrays, "conv1"), fires, tuple(map(jnp.asarray, found)))


def _conv(arrays: Mapping[str, np.ndarray], layer: str) -> Conv:
    return Conv(jnp.asarray(arrays[f"{layer}/kernel"]), jnp.asarray(arrays[f"{layer}/bias"]))


def _pool(x_BHWC: jax.Array) -> jax.Array:
    """Of 3 x 3 pixels, every second."""
    window, strides = (1, 3, 3, 1), (1, 2, 2, 1)
    return jax.lax.reduce_window(x_BHWC, -jnp.inf, jax.lax.max, window, strides, "VALID")


def stages(network: Network, frames_BHWC: jax.Array) -> list[jax.Array]:
    """The seven outputs that LPIPS compares, of RGB images in 0..255."""
    x_BHWC = frames_BHWC[..., ::-1] - jnp.array(MEAN)
    x_BHWC = jax.nn.relu(convolve(network.stem, x_BHWC, 2, "VALID"))
    found = [x_BHWC]
    for number, (squeeze, one, three) in zip(FIRES, network.fires, strict=True):
        x_BHWC = _pool(x_BHWC) if number in POOLED else x_BHWC
        squeezed = jax.nn.relu(convolve(squeeze, x_BHWC))
        expanded = [convolve(one, squeezed), convolve(three, squeezed)]
        x_BHWC = jax.nn.relu(jnp.concatenate(expanded, -1))
        found.append(x_BHWC)
    # Of fires 2 and 3, and of 4 and 5, LPIPS takes the latter.
    return [found[0], found[2], *found[4:]]

"""I3D (1705.07750): Inception-v1 with its filters inflated in time, of Kinetics-400, in JAX.

Weights: a file that the user has, of the state of a PyTorch I3D (`.pt`) or of TorchScript. Their
names differ from one publication to the next, their order does not: it is that of the layers, but
for the classifier. So layers are told by their order and held to their shapes.
Axes: B clips, T frames, H W their sides, C channels.
"""

from collections.abc import Iterator, Mapping
from types import SimpleNamespace
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from vdit.errors import InputError
from vdit.evaluators.networks.convolution import Conv, convolve, folded, plain

CLASSES = 400
LEAST = 9  # frames: with fewer the last layer has no two in time, which are averaged
STEM = ((7, 3, 64), (1, 64, 64), (3, 64, 192))  # window's side, channels in and out
# Channels in, and out of the branches: 1x1, 1x1 then 3x3, 1x1 then 3x3, pool then 1x1.
MIXED = (
    (192, (64, 96, 128, 16, 32, 32)),
    (256, (128, 128, 192, 32, 96, 64)),
    (480, (192, 96, 208, 16, 48, 64)),
    (512, (160, 112, 224, 24, 64, 64)),
    (512, (128, 128, 256, 24, 64, 64)),
    (512, (112, 144, 288, 32, 64, 64)),
    (528, (256, 160, 320, 32, 128, 128)),
    (832, (256, 160, 320, 32, 128, 128)),
    (832, (384, 192, 384, 48, 128, 128)),
)
WIDTH = 1024  # channels out of the last
POOLED = {2: (3, 2), 7: (2, 2)}  # a pool's side and stride in time, before that mixture


class Network(NamedTuple):
    """All of its weights."""

    stem: tuple[Conv, ...]
    mixed: tuple[tuple[Conv, ...], ...]  # six convolutions each
    classes: Conv


def _shapes() -> Iterator[tuple[int, ...]]:
    """Of the kernels as PyTorch has them, in the order of the layers."""
    for side, inputs, outputs in STEM:
        yield (outputs, inputs, side, side, side)
    for inputs, (one, reduce3, three, reduce5, five, pooled) in MIXED:
        yield from ((n, inputs, 1, 1, 1) for n in (one, reduce3))
        yield (three, reduce3, 3, 3, 3)
        yield (reduce5, inputs, 1, 1, 1)
        yield (five, reduce5, 3, 3, 3)
        yield (pooled, inputs, 1, 1, 1)


def build(tree: Any, file: str) -> Network:
    """The network from what `pickled.load` read of a file; `InputError` where it is no I3D's."""
    layers = _layers(dict(_arrays(tree)))
    shape = (CLASSES, WIDTH, 1, 1, 1)
    classes = [layer for layer in layers if layer["conv.weight"].shape == shape]
    others = [layer for layer in layers if layer["conv.weight"].shape != shape]
    expected, found = list(_shapes()), [layer["conv.weight"].shape for layer in others]
    if found != expected or len(classes) != 1:
        pairs = enumerate(zip(expected, found, strict=False))
        first = next((f"layer {n} of {b}, not {a}" for n, (a, b) in pairs if a != b), "")
        counted = f"{len(found)} convolutions and {len(classes)} classifiers of Kinetics-400"
        raise InputError(f"{file}: not an I3D: {counted}, expected {len(expected)} and 1; {first}")
    try:
        convs = [folded(layer, "conv", "norm") for layer in others]
        (last,) = classes
        last = plain({"conv.bias": last["norm.bias"], **last}, "conv")
    except KeyError as error:
        raise InputError(f"{file}: not an I3D: a layer without {error}") from error
    stem, rest = tuple(convs[: len(STEM)]), convs[len(STEM) :]
    return Network(stem, tuple(tuple(rest[n : n + 6]) for n in range(0, len(rest), 6)), last)


def _arrays(tree: Any, path: str = "") -> Iterator[tuple[str, np.ndarray]]:
    """Names and arrays of a state, or of TorchScript's modules in modules."""
    if isinstance(tree, np.ndarray):
        yield path, tree
    children = vars(tree) if isinstance(tree, SimpleNamespace) else tree
    if isinstance(children, Mapping):
        for name, child in children.items():
            yield from _arrays(child, f"{path}.{name}")


def _layers(state: Mapping[str, np.ndarray]) -> list[dict[str, np.ndarray]]:
    """A convolution's kernel, and what follows it up to the next: its bias, or its batch norm."""
    layers = []
    for name, array in state.items():
        if array.ndim == 5:
            layers.append({"conv.weight": array})
        elif layers and array.ndim == 1:
            part = name.rpartition(".")[2]
            layers[-1][f"norm.{part}"] = array
    return layers


def _pool(x_BTHWC: jax.Array, window: tuple[int, ...], stride: tuple[int, ...]) -> jax.Array:
    window, stride = (1, *window, 1), (1, *stride, 1)
    return jax.lax.reduce_window(x_BTHWC, -jnp.inf, jax.lax.max, window, stride, "SAME")


def _unit(conv: Conv, x_BTHWC: jax.Array, stride: int = 1) -> jax.Array:
    return jax.nn.relu(convolve(conv, x_BTHWC, stride))


def _mixture(convs: tuple[Conv, ...], x_BTHWC: jax.Array) -> jax.Array:
    """Four branches side by side."""
    one, reduce3, three, reduce5, five, pooled = convs
    branches = [
        _unit(one, x_BTHWC),
        _unit(three, _unit(reduce3, x_BTHWC)),
        _unit(five, _unit(reduce5, x_BTHWC)),
        _unit(pooled, _pool(x_BTHWC, (3, 3, 3), (1, 1, 1))),
    ]
    return jnp.concatenate(branches, -1)


def logits(network: Network, x_BTHWC: jax.Array) -> jax.Array:
    """(B, 400) of Kinetics' classes before the softmax, of clips in [-1, 1] of 9 frames or more.

    Means over space; over time of the means of neighbours, as the published network has it.
    """
    first, second, third = network.stem
    x_BTHWC = _pool(_unit(first, x_BTHWC, 2), (1, 3, 3), (1, 2, 2))
    x_BTHWC = _pool(_unit(third, _unit(second, x_BTHWC)), (1, 3, 3), (1, 2, 2))
    for number, convs in enumerate(network.mixed):
        if number in POOLED:
            side, stride = POOLED[number]
            x_BTHWC = _pool(x_BTHWC, (side,) * 3, (stride,) * 3)
        x_BTHWC = _mixture(convs, x_BTHWC)
    pooled_BTC = x_BTHWC.mean((2, 3))
    pairs_BTC = (pooled_BTC[:, 1:] + pooled_BTC[:, :-1]) / 2
    return pairs_BTC.mean(1) @ network.classes.kernel[0, 0, 0] + network.classes.bias

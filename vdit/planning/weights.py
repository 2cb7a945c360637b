"""The weights of a model on a mesh: how many numbers each device holds. No JAX here."""

import functools
import math
from collections.abc import Callable

from vdit.config.devices import MESH_AXES, mesh_rules, split_ways
from vdit.config.model_config import ModelConfig
from vdit.config.network import network
from vdit.config.part import Weight

Counted = list[tuple[Weight, int]]  # weights, and how often each is there


def weights(model: ModelConfig) -> Counted:
    """All weights of a model."""
    return [(w, n) for part, n in network(model).parts() for w in part.weights]


def layer_weights(model: ModelConfig) -> Counted:
    """Those of the largest layer alone: what is gathered at a time."""
    layers = [[(w, 1) for p in layer.parts for w in p.weights] for layer in network(model).layers]
    return max(layers, key=lambda found: sum(w.size for w, _ in found))


def weights_per_device(
    model: ModelConfig,
    mesh: dict[str, int],
    of: Callable[[ModelConfig], Counted] = weights,
) -> float:
    """Numbers that each device of a mesh holds."""
    return _per_device(model, tuple(mesh[axis] for axis in MESH_AXES), of)


@functools.cache
def _per_device(
    model: ModelConfig, sizes: tuple[int, ...], of: Callable[[ModelConfig], Counted]
) -> float:
    mesh = dict(zip(MESH_AXES, sizes, strict=True))
    return sum(n * w.size / split_into(w, mesh) for w, n in of(model))


def split_into(weight: Weight, mesh: dict[str, int]) -> int:
    """Into how many parts a mesh splits it."""
    return math.prod(split_ways(rule, mesh) for rule in mesh_rules(weight.axes, weight.shape, mesh))

"""A model as a list of parts, which its family writes down; whoever sums knows no more. No JAX."""

import functools
import importlib
from collections.abc import Iterator
from typing import NamedTuple

from vdit.config.model_config import ModelConfig, family_of
from vdit.config.part import Part


class Layer(NamedTuple):
    """What is recomputed together, `repeats` times; so many numbers of a clip enter it."""

    parts: tuple[Part, ...]
    entering: int
    repeats: int = 1


class Network(NamedTuple):
    """Layers, and what is there once, before or behind them."""

    layers: tuple[Layer, ...]
    ends: tuple[Part, ...]

    def parts(self) -> Iterator[tuple[Part, int]]:
        """Every part, and how often it is there."""
        yield from ((part, 1) for part in self.ends)
        yield from self.parts_of_layers()

    def parts_of_layers(self) -> Iterator[tuple[Part, int]]:
        """Those of the layers alone."""
        for layer in self.layers:
            yield from ((part, layer.repeats) for part in layer.parts)


@functools.lru_cache(maxsize=1024)
def network(c: ModelConfig) -> Network:
    """The parts of a model, as `vdit.config.FAMILY.network` lists them."""
    family = importlib.import_module(f"vdit.config.{family_of(c).parts}")
    return family.network(c)

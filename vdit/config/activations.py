"""Bytes that a backward pass needs of the forward pass of one clip, summed over a model's parts.

No JAX here.
"""

import functools
from collections.abc import Iterable

from vdit.config.model_config import ModelConfig
from vdit.config.network import network
from vdit.config.part import NOTHING, ActivationBytes, Part
from vdit.config.parts import Mask

ITEM = {"float32": 4, "bfloat16": 2, "float16": 2}
REMATS = ("none", "dots", "full")  # from the most memory to the most arithmetic


def activation_bytes(c: ModelConfig) -> int:
    """What a training step saves of one clip without recomputation (`remat="none"`).

    Products, norms and GELU keep what enters them, in the model's dtype, the softmax float32.
    Plain attention is counted, which saves its probabilities; fused kernels do not. Vectors of a
    clip are left out.
    """
    return int(sum(saved(c, "none")))


@functools.lru_cache
def saved(c: ModelConfig, remat: str) -> ActivationBytes:
    """What a training step saves of one clip under a policy of recomputation.

    "full": what enters each layer; "dots": what its dense layers and attentions make, too, and the
    numbers a row that norms take; "none": all.
    """
    parts, item = network(c), ITEM[c.dtype]
    ends = _kept((p for p in parts.ends if remat == "none" or not isinstance(p, Mask)), item)
    if remat == "none":
        return sum((_kept(layer.parts, item) * layer.repeats for layer in parts.layers), ends)
    for layer in parts.layers:
        made = (part.made(item) for part in layer.parts if remat == "dots")
        ends += sum(made, ActivationBytes(item * layer.entering)) * layer.repeats
    return ends


def _kept(parts: Iterable[Part], item: int) -> ActivationBytes:
    return sum((part.kept(item) for part in parts), NOTHING)


@functools.lru_cache
def largest_layer(c: ModelConfig) -> ActivationBytes:
    """All that the backward pass of one layer needs, the largest: what recomputation holds."""
    return max((_kept(layer.parts, ITEM[c.dtype]) for layer in network(c).layers), key=sum)


@functools.lru_cache
def moved(c: ModelConfig, kind: type[Part]) -> ActivationBytes:
    """What the parts of a kind in all blocks (`Dense`, `Attention`, which is fused) read and write
    of a clip's tokens in a forward pass; attention's backward pass moves twice that."""
    found = ((p, n) for p, n in network(c).parts_of_layers() if isinstance(p, kind))
    return sum((part.moved(ITEM[c.dtype]) * repeats for part, repeats in found), NOTHING)

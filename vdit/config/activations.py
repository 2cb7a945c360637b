"""Bytes that a backward pass needs of the forward pass of one clip, in closed form. No JAX here."""

import dataclasses
import functools
import re
from collections.abc import Iterable
from importlib.metadata import version
from typing import NamedTuple

from vdit.config.model_config import ModelConfig, attended_tokens, stages
from vdit.config.unet import blocks

ITEM = {"float32": 4, "bfloat16": 2}
REMATS = ("none", "dots", "full")  # from the most memory to the most arithmetic


class ActivationBytes(NamedTuple):
    """Of what `tensor` does not split, of heads and hidden units, of attention's probabilities."""

    unsplit: float
    split: float
    scores: float = 0.0


def _sum(parts: Iterable[ActivationBytes]) -> ActivationBytes:
    return ActivationBytes(*map(sum, zip(*parts, strict=True)))


def activation_bytes(c: ModelConfig) -> int:
    """What a training step saves of one clip without recomputation (`remat="none"`).

    Norms and softmax keep float32, products the model's dtype. Plain attention is counted, which
    saves its probabilities; fused kernels do not. Vectors of a token or a clip are left out.
    """
    if c.attention == "unet":
        last = _around(c, 5) + _bytes(c, c.tokens * c.patch_numbers, 0)
        return int(sum(_unet_block(level, d_in) for d_in, level in blocks(c)) + last)
    return int(sum(saved(c, "none")))


def saved(c: ModelConfig, remat: str) -> ActivationBytes:
    """What a training step of a transformer saves of one clip under a policy of recomputation.

    "full": what enters each layer; "dots": the outputs of its dense layers too; "none": all.
    """
    layers = [(layer, repeats) for layer, repeats in stages(c)]
    if remat == "none":
        parts = [_layer(c, layer) for layer, repeats in layers for _ in range(repeats)]
        return _sum([*parts, ActivationBytes(_ends(c), 0, _mask(c))])
    entering = ActivationBytes(_bytes(c, _tokens(c) * c.width, 0) * sum(n for _, n in layers), 0)
    dense = [_dense(c, block) for layer, n in layers for block in layer * n if remat == "dots"]
    return _sum([*dense, entering, ActivationBytes(_ends(c), 0)])


def largest_layer(c: ModelConfig) -> ActivationBytes:
    """All that the backward pass of one layer needs, the largest: what recomputation holds."""
    return max((_layer(c, layer) for layer, _ in stages(c)), key=sum)


def _bytes(c: ModelConfig, numbers: float, single: float) -> float:
    """`numbers` in the dtype of the computation and `single` in float32."""
    return numbers * ITEM[c.dtype] + 4 * single


def _tokens(c: ModelConfig) -> int:
    return c.tokens + c.context


def _layer(c: ModelConfig, layer: tuple[tuple[str, ...], ...]) -> ActivationBytes:
    return _sum(_block(c, attention_axes) for attention_axes in layer)


def _block(c: ModelConfig, attention_axes: tuple[str, ...]) -> ActivationBytes:
    attentions = [_attention(c, attended_tokens(c, axis)) for axis in attention_axes]
    hidden = _tokens(c) * int(c.width * c.mlp_ratio)
    mlp = ActivationBytes(_around(c, 3), _bytes(c, (4 + tanh_copies()) * hidden, 0))
    return _sum([*attentions, mlp, *([_cross(c)] if c.crosses else [])])


@functools.cache
def tanh_copies() -> int:
    """Copies that the derivative of tanh keeps: tanh, 1 - tanh; from JAX 0.11.2 on 1 - tanh^2."""
    major, minor, patch = map(int, re.findall(r"\d+", version("jax"))[:3])
    return 1 if (major, minor, patch) >= (0, 11, 2) else 2


def _dense(c: ModelConfig, attention_axes: tuple[str, ...]) -> ActivationBytes:
    """Outputs: queries, keys, values and what follows them; the MLP's two; the caption's."""
    numbers, crosses = _tokens(c) * c.width, c.crosses
    unsplit = (len(attention_axes) + 1 + crosses) * numbers
    split = (3 * len(attention_axes) + c.mlp_ratio + crosses) * numbers
    return ActivationBytes(
        _bytes(c, unsplit, 0), _bytes(c, split + 2 * crosses * c.text_length * c.width, 0)
    )


def _around(c: ModelConfig, times: int) -> float:
    """A residual part: its norm saves two copies of the tokens, the rest of it `times`."""
    numbers = _tokens(c) * c.width
    return _bytes(c, times * numbers, 2 * numbers)


def _attention(c: ModelConfig, keys: float) -> ActivationBytes:
    """Queries, keys, values and what lies around them; both norms save three copies."""
    numbers = _tokens(c) * c.width
    split = _bytes(c, 4 * numbers, 6 * numbers * c.qk_norm)
    return ActivationBytes(_around(c, 3), split, _probabilities(c, keys))


def _cross(c: ModelConfig) -> ActivationBytes:
    numbers, words = c.tokens * c.width, c.text_length * c.width
    split = _bytes(c, 2 * numbers + 2 * words, 3 * (numbers + words) * c.qk_norm)
    return ActivationBytes(_around(c, 1), split, _probabilities(c, c.text_length))


def _probabilities(c: ModelConfig, keys: float) -> float:
    """Of every head, before the softmax and after it."""
    numbers = c.heads * _tokens(c) * keys
    return _bytes(c, numbers, numbers)


def _mask(c: ModelConfig) -> float:
    """Of the captions' softmax, one for all layers: for each score a bit, in a byte, and a fill."""
    keys = _tokens(c) if c.context else c.text_length * c.crosses
    return 5 * c.heads * _tokens(c) * keys


def _unet_block(level: ModelConfig, d_in: int) -> float:
    """Two convolutions and two attentions, each with its norm; none has a gate."""
    entering = dataclasses.replace(level, width=d_in)
    skip = _bytes(level, level.tokens * d_in * (d_in != level.width), 0)
    norms = 2 * _bytes(level, 0, 6 * level.tokens * level.width * level.qk_norm)
    scores = sum(_probabilities(level, attended_tokens(level, axis)) for axis in ("space", "time"))
    cross = sum(_cross(level)) if level.crosses else 0
    return _around(entering, 5) + 3 * _around(level, 5) + skip + norms + scores + cross


def _ends(c: ModelConfig) -> float:
    """The patches and the last layer, which has the clip's tokens alone; the caption, once."""
    numbers, words = c.tokens * c.width, c.text_length * c.width * c.crosses
    return _bytes(c, 2 * numbers + words + c.tokens * c.patch_numbers, 2 * numbers)

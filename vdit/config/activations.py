"""Bytes that a backward pass needs of the forward pass of one clip, in closed form. No JAX here."""

import dataclasses
from collections.abc import Iterable
from typing import NamedTuple

from vdit.config.model_config import FAMILIES, ModelConfig, attended_tokens, counts_of, stages
from vdit.config.unet import blocks

ITEM = {"float32": 4, "bfloat16": 2, "float16": 2}
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

    Products, norms and GELU keep what enters them, in the model's dtype, the softmax float32.
    Plain attention is counted, which saves its probabilities; fused kernels do not. Vectors of a
    clip are left out.
    """
    if c.attention in FAMILIES:
        return counts_of(c.attention).activation_bytes(c)
    return int(sum(saved(c, "none")))


def saved(c: ModelConfig, remat: str) -> ActivationBytes:
    """What a training step of a transformer saves of one clip under a policy of recomputation.

    "full": what enters each layer; "dots": what its dense layers and attentions make, too, and the
    numbers a row that norms take; "none": all.
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
    mlp = ActivationBytes(_around(c, 3), _bytes(c, 2 * _tokens(c) * int(c.width * c.mlp_ratio), 0))
    return _sum([*attentions, mlp, *([_cross(c)] if c.crosses else [])])


def _dense(c: ModelConfig, attention_axes: tuple[str, ...]) -> ActivationBytes:
    """Queries, keys, values, attention and what follows it; the MLP's two; the caption's."""
    numbers, crosses, words = _tokens(c) * c.width, c.crosses, c.text_length * c.crosses
    parts = len(attention_axes) + 1 + crosses
    split = (4 * len(attention_axes) + c.mlp_ratio + 2 * crosses) * numbers + 2 * words * c.width
    normed = (2 * len(attention_axes) + crosses) * _tokens(c) + words
    return ActivationBytes(
        _bytes(c, parts * numbers, 2 * parts * _tokens(c)),
        _bytes(c, split, normed * c.heads * c.qk_norm),
    )


def dense_traffic(c: ModelConfig) -> ActivationBytes:
    """What the dense layers of all blocks read and write of a clip's tokens in a forward pass."""
    attentions, blocks = _counts(c)
    unsplit = 2 * (attentions + blocks * (1 + c.crosses))  # into each part and out of it
    split = 4 * attentions + 2 * blocks * (c.mlp_ratio + c.crosses)
    numbers = _tokens(c) * c.width
    return ActivationBytes(_bytes(c, unsplit * numbers, 0), _bytes(c, split * numbers, 0))


def attention_traffic(c: ModelConfig) -> ActivationBytes:
    """What fused attention reads and writes of them forward; backward it is twice that."""
    attentions, blocks = _counts(c)
    arrays = 4 * attentions + 2 * blocks * c.crosses  # queries, keys, values, what comes of them
    return ActivationBytes(0, _bytes(c, arrays * _tokens(c) * c.width, 0))


def _counts(c: ModelConfig) -> tuple[int, int]:
    """Self-attentions, and blocks, of the whole model."""
    found = [block for layer, repeats in stages(c) for block in layer * repeats]
    return sum(map(len, found)), len(found)


def _around(c: ModelConfig, times: int) -> float:
    """A residual part: `times` the tokens, as they enter its norm, its products and its gate.

    The norm keeps two numbers a token beside them.
    """
    return _bytes(c, times * _tokens(c) * c.width, 2 * _tokens(c))


def _attention(c: ModelConfig, keys: float) -> ActivationBytes:
    """Queries, keys, values and what comes of them; their two norms' input and number a head."""
    numbers, rows = _tokens(c) * c.width, _tokens(c) * c.heads
    split = _bytes(c, (4 + 2 * c.qk_norm) * numbers, 2 * rows * c.qk_norm)
    return ActivationBytes(_around(c, 3), split, _probabilities(c, keys))


def _cross(c: ModelConfig) -> ActivationBytes:
    rows = c.tokens + c.text_length
    split = _bytes(c, (2 + c.qk_norm) * rows * c.width, rows * c.heads * c.qk_norm)
    return ActivationBytes(_around(c, 2), split, _probabilities(c, c.text_length))


def _probabilities(c: ModelConfig, keys: float) -> float:
    """Of every head, before the softmax and after it."""
    numbers = c.heads * _tokens(c) * keys
    return _bytes(c, numbers, numbers)


def _mask(c: ModelConfig) -> float:
    """Of the captions' softmax, one for all layers: for each score a bit, in a byte, and a fill."""
    keys = _tokens(c) if c.context else c.text_length * c.crosses
    return 5 * c.heads * _tokens(c) * keys


def unet_bytes(c: ModelConfig) -> int:
    """Those of the space-time U-Net."""
    last = _group_norm(c) + _bytes(c, c.tokens * c.patch_numbers, 0)
    return int(sum(_unet_block(level, d_in) for d_in, level in blocks(c)) + last)


def _unet_block(level: ModelConfig, d_in: int) -> float:
    """Two convolutions and two attentions, each with its norm; none has a gate."""
    entering = dataclasses.replace(level, width=d_in)
    skip = _bytes(level, level.tokens * d_in * (d_in != level.width), 0)
    attentions = 2 * (_around(level, 2) + _attention(level, 0).split)
    scores = sum(_probabilities(level, attended_tokens(level, axis)) for axis in ("space", "time"))
    cross = sum(_cross(level)) if level.crosses else 0
    return _group_norm(entering) + _group_norm(level) + skip + attentions + scores + cross


def _group_norm(c: ModelConfig) -> float:
    """Two float32 copies of the tokens; five more in the SiLU and the convolution behind it."""
    return _bytes(c, 5 * c.tokens * c.width, 2 * c.tokens * c.width)


def _ends(c: ModelConfig) -> float:
    """The patches and the last layer, which has the clip's tokens alone; the caption, once."""
    numbers, words = c.tokens * c.width, c.text_length * c.width * c.crosses
    return _bytes(c, 2 * numbers + words + c.tokens * c.patch_numbers, 2 * c.tokens)

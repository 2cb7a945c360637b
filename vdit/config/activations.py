"""Bytes that a backward pass needs of the forward pass of one clip, in closed form. No JAX here."""

import dataclasses
from collections.abc import Iterable
from typing import NamedTuple

from vdit.config.model_config import ModelConfig, attended_tokens, stages
from vdit.config.unet import blocks

ITEM = {"float32": 4, "bfloat16": 2}
REMATS = ("none", "dots", "full")  # from the most memory to the most arithmetic


class Kept(NamedTuple):
    """Bytes: of all of a token, of its heads and hidden units, of attention's probabilities."""

    whole: float
    split: float
    scores: float = 0.0


def _sum(parts: Iterable[Kept]) -> Kept:
    return Kept(*map(sum, zip(*parts, strict=True)))


def activation_bytes(s: ModelConfig) -> int:
    """What a training step keeps of one clip without recomputation (`remat="none"`).

    Norms and softmax keep float32, products the model's dtype. Plain attention is counted, which
    keeps its probabilities; fused kernels do not. Vectors of a token or a clip are left out.
    """
    if s.attention == "unet":
        last = _around(s, 5) + _bytes(s, s.tokens * s.patch_numbers, 0)
        return int(sum(_unet_block(level, d_in) for d_in, level in blocks(s)) + last)
    return int(sum(kept(s, "none")))


def kept(s: ModelConfig, remat: str) -> Kept:
    """What a training step of a transformer keeps of one clip under a policy of recomputation.

    "full": what enters each layer; "dots": the outputs of its dense layers too; "none": all.
    """
    layers = [(layer, repeats) for layer, repeats in stages(s)]
    if remat == "none":
        parts = [_layer(s, layer) for layer, repeats in layers for _ in range(repeats)]
        return _sum([*parts, Kept(_ends(s), 0, _mask(s))])
    entering = Kept(_bytes(s, _tokens(s) * s.width, 0) * sum(n for _, n in layers), 0)
    dense = [_dense(s, block) for layer, n in layers for block in layer * n if remat == "dots"]
    return _sum([*dense, entering, Kept(_ends(s), 0)])


def working(s: ModelConfig) -> Kept:
    """All that the backward pass of one layer needs, the largest: what recomputation holds."""
    return max((_layer(s, layer) for layer, _ in stages(s)), key=sum)


def _bytes(s: ModelConfig, numbers: float, single: float) -> float:
    """`numbers` in the dtype of the computation and `single` in float32."""
    return numbers * ITEM[s.dtype] + 4 * single


def _tokens(s: ModelConfig) -> int:
    return s.tokens + s.context


def _layer(s: ModelConfig, layer: tuple[tuple[str, ...], ...]) -> Kept:
    return _sum(_block(s, attention_axes) for attention_axes in layer)


def _block(s: ModelConfig, attention_axes: tuple[str, ...]) -> Kept:
    attentions = [
        _attention(s, attended_tokens(s, attention_axis)) for attention_axis in attention_axes
    ]
    mlp = Kept(_around(s, 3), _bytes(s, 6 * _tokens(s) * int(s.width * s.mlp_ratio), 0))
    return _sum([*attentions, mlp, *([_cross(s)] if s.crosses else [])])


def _dense(s: ModelConfig, attention_axes: tuple[str, ...]) -> Kept:
    """Outputs: queries, keys, values and what follows them; the MLP's two; the caption's."""
    numbers, crosses = _tokens(s) * s.width, s.crosses
    whole = (len(attention_axes) + 1 + crosses) * numbers
    split = (3 * len(attention_axes) + s.mlp_ratio + crosses) * numbers
    return Kept(_bytes(s, whole, 0), _bytes(s, split + 2 * crosses * s.text_length * s.width, 0))


def _around(s: ModelConfig, times: int) -> float:
    """A residual part: its norm keeps two copies of the tokens, the rest of it `times`."""
    numbers = _tokens(s) * s.width
    return _bytes(s, times * numbers, 2 * numbers)


def _attention(s: ModelConfig, seen: float) -> Kept:
    """Queries, keys, values and what lies around them; both norms keep three copies."""
    numbers = _tokens(s) * s.width
    split = _bytes(s, 4 * numbers, 6 * numbers * s.qk_norm)
    return Kept(_around(s, 3), split, _probabilities(s, seen))


def _cross(s: ModelConfig) -> Kept:
    numbers, words = s.tokens * s.width, s.text_length * s.width
    split = _bytes(s, 2 * numbers + 2 * words, 3 * (numbers + words) * s.qk_norm)
    return Kept(_around(s, 1), split, _probabilities(s, s.text_length))


def _probabilities(s: ModelConfig, seen: float) -> float:
    """Of every head, before the softmax and after it."""
    numbers = s.heads * _tokens(s) * seen
    return _bytes(s, numbers, numbers)


def _mask(s: ModelConfig) -> float:
    """Of the captions' softmax, one for all layers: for each score a bit, in a byte, and a fill."""
    seen = _tokens(s) if s.context else s.text_length * s.crosses
    return 5 * s.heads * _tokens(s) * seen


def _unet_block(level: ModelConfig, d_in: int) -> float:
    """Two convolutions and two attentions, each with its norm; none has a gate."""
    entering = dataclasses.replace(level, width=d_in)
    skip = _bytes(level, level.tokens * d_in * (d_in != level.width), 0)
    norms = 2 * _bytes(level, 0, 6 * level.tokens * level.width * level.qk_norm)
    scores = sum(_probabilities(level, attended_tokens(level, g)) for g in ("space", "time"))
    cross = sum(_cross(level)) if level.crosses else 0
    return _around(entering, 5) + 3 * _around(level, 5) + skip + norms + scores + cross


def _ends(s: ModelConfig) -> float:
    """The patches and the last layer, which has the clip's tokens alone; the caption, once."""
    numbers, words = s.tokens * s.width, s.text_length * s.width * s.crosses
    return _bytes(s, 2 * numbers + words + s.tokens * s.patch_numbers, 2 * numbers)

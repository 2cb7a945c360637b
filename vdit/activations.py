"""Bytes that a backward pass needs of the forward pass of one clip, in closed form. No JAX here."""

import dataclasses

from vdit.sizes import Shape, seen_by, stages
from vdit.unet_shape import blocks

ITEM = {"float32": 4, "bfloat16": 2}


def activation_bytes(s: Shape) -> int:
    """What a training step keeps of one clip without recomputation (`remat="none"`).

    Norms and softmax keep float32, products the model's dtype. Plain attention is counted, which
    keeps its probabilities; fused kernels do not. Vectors of a token or a clip are left out.
    """
    if s.attention == "unet":
        last = _around(s, 5) + _bytes(s, s.tokens * s.patch_numbers, 0)
        return int(sum(_unet_block(level, d_in) for d_in, level in blocks(s)) + last)
    groupings = [block for groups, repeats in stages(s) for block in groups * repeats]
    return int(sum(_block(s, block) for block in groupings) + _ends(s))


def _bytes(s: Shape, numbers: float, single: float) -> float:
    """`numbers` in the dtype of the computation and `single` in float32."""
    return numbers * ITEM[s.dtype] + 4 * single


def _tokens(s: Shape) -> int:
    return s.tokens + s.context


def _block(s: Shape, groupings: tuple[str, ...]) -> float:
    attentions = sum(_attention(s, seen_by(s, grouping)) for grouping in groupings)
    mlp = _around(s, 3) + _bytes(s, 6 * _tokens(s) * int(s.width * s.mlp_ratio), 0)
    return attentions + mlp + (_cross(s) if s.crosses else 0)


def _around(s: Shape, times: int) -> float:
    """A residual part: its norm keeps two copies of the tokens, the rest of it `times`."""
    numbers = _tokens(s) * s.width
    return _bytes(s, times * numbers, 2 * numbers)


def _attention(s: Shape, seen: float) -> float:
    """Queries, keys, values and what lies around them; both norms keep three copies."""
    norms = 6 * _tokens(s) * s.width * s.qk_norm
    return _around(s, 7) + _bytes(s, 0, norms) + _probabilities(s, seen)


def _cross(s: Shape) -> float:
    words = s.text_length * s.width
    norms = 3 * (s.tokens * s.width + words) * s.qk_norm
    return _around(s, 3) + _bytes(s, 2 * words, norms) + _probabilities(s, s.text_length)


def _probabilities(s: Shape, seen: float) -> float:
    """Of every head, before the softmax and after it."""
    numbers = s.heads * _tokens(s) * seen
    return _bytes(s, numbers, numbers)


def _unet_block(level: Shape, d_in: int) -> float:
    """Two convolutions and two attentions, each with its norm; none has a gate."""
    entering = dataclasses.replace(level, width=d_in)
    skip = _bytes(level, level.tokens * d_in * (d_in != level.width), 0)
    norms = 2 * _bytes(level, 0, 6 * level.tokens * level.width * level.qk_norm)
    scores = sum(_probabilities(level, seen_by(level, g)) for g in ("space", "time"))
    cross = _cross(level) if level.crosses else 0
    return _around(entering, 5) + 3 * _around(level, 5) + skip + norms + scores + cross


def _ends(s: Shape) -> float:
    """The patches and the last layer."""
    return _around(s, 2) + _bytes(s, s.tokens * s.patch_numbers, 0)

"""FLOPs, tokens and weights of a VideoDiT in closed form. No JAX here.

A FLOP is a true operation: 2 for each multiply-accumulate. Training is the forward pass plus twice
that for the backward pass, less the two products that nobody forms: the gradients with respect to
the noised latents and to the timestep's sinusoids. Element-wise work is not counted.
"""

import functools
from typing import Any, NamedTuple

from vdit.config import mixture
from vdit.config.model_config import (
    FAMILIES,
    ModelConfig,
    attended_tokens,
    counts_of,
    stages,
)
from vdit.config.sizes import model_config_of


def _captioned(c: ModelConfig) -> bool:
    """Whether a caption is embedded and pooled; a label's row of a table takes no product."""
    return c.condition in ("text", "class")


def _first_layers(c: ModelConfig) -> int:
    """FLOPs of the layers whose input needs no gradient: patches, timestep, given embeddings."""
    embeddings = 2 * c.text_length * c.text_features * c.width if _captioned(c) else 0
    timesteps = 2 * c.timesteps * c.frequencies * c.width
    return 2 * c.tokens * c.patch_numbers * c.width + timesteps + embeddings


def _attention(c: ModelConfig, axis: str) -> int:
    n, d = c.tokens + c.context, c.width
    return 2 * n * d * 3 * d + int(2 * n * attended_tokens(c, axis) * d * 2) + 2 * n * d * d


def _block(c: ModelConfig, attention_axes: tuple[str, ...]) -> int:
    n, d, hidden = c.tokens, c.width, int(c.width * c.mlp_ratio)
    modulation = 2 * c.timesteps * d * 3 * (len(attention_axes) + 1) * d
    attention = sum(_attention(c, axis) for axis in attention_axes)
    mlp = 2 * (n + c.context) * d * hidden * 2
    cross = 0
    if c.crosses:
        m = c.text_length
        cross = 2 * n * d * d * 2 + 2 * m * d * 2 * d + 2 * n * m * d * 2
    return modulation + attention + cross + mlp


def _blocks(c: ModelConfig) -> list[tuple[str, ...]]:
    """The attention axes of every block of the model, in order of its stages."""
    return [block for blocks, repeats in stages(c) for block in blocks * repeats]


def forward_flops(c: ModelConfig) -> int:
    """FLOPs of one forward pass for one clip."""
    timestep = 2 * c.timesteps * c.width**2
    pooled = 2 * c.width**2 if _captioned(c) else 0
    body = counts_of(c.attention).body_flops(c) if c.attention in FAMILIES else _body_flops(c)
    return _first_layers(c) + timestep + pooled + body


def _body_flops(c: ModelConfig) -> int:
    last = 2 * c.timesteps * c.width * 2 * c.width + 2 * c.tokens * c.width * c.output_numbers
    return sum(_block(c, block) for block in _blocks(c)) + last


@functools.lru_cache
def training_flops(c: ModelConfig) -> int:
    """FLOPs of forward and backward pass for one clip; recomputation is not counted."""
    return 3 * forward_flops(c) - _first_layers(c)


def recomputed_flops(c: ModelConfig) -> int:
    """FLOPs of one clip that `remat` does twice: all products ("full") or, fused, none."""
    return forward_flops(c) if c.remat == "full" else 0


def gmacs(c: ModelConfig) -> float:
    """Multiply-accumulates of a forward pass in 1e9: what papers of the DiT line call Gflops."""
    return forward_flops(c) / 2e9


def count_params(c: ModelConfig) -> dict[str, int]:
    """`params`, `params_total`, `params_no_adaln`, as DESIGN section 4 defines them."""
    d = c.width
    body = counts_of(c.attention).body_params(c) if c.attention in FAMILIES else _body_params(c)
    plain = body["plain"] + c.frequencies * d + d + d * d + d
    params = plain + body["modulation"]
    ends = body["end"] + c.patch_numbers * d + d
    return {
        "params": params,
        "params_total": params + ends + _caption_params(c) + _position_params(c),
        "params_no_adaln": plain,
    }


def _body_params(c: ModelConfig) -> dict[str, int]:
    d, hidden, head = c.width, int(c.width * c.mlp_ratio), c.width // c.heads
    attention = 4 * d * d + 4 * d + 2 * head * c.qk_norm
    rest = 2 * d * hidden + hidden + d + attention * c.crosses
    parts = [len(attention_axes) for attention_axes in _blocks(c)]
    return {
        "plain": sum(n * attention + rest for n in parts),
        "modulation": (sum(3 * (n + 1) for n in parts) + 2) * (d * d + d),
        "end": (d + 1) * c.output_numbers,
    }


def _caption_params(c: ModelConfig) -> int:
    d = c.width
    if not _captioned(c):
        return c.vocabulary * d if c.condition == "label" else 0
    words = (c.text_features + 2) * d if c.text_features else c.vocabulary * d
    return words + c.text_length * d + d * d + d


def _position_params(c: ModelConfig) -> int:
    frames, positions = c.grid[0], c.grid[1] * c.grid[2]
    learned = positions + (frames if frames > 1 else 0)
    return learned * c.width if c.positions == "learned" else 0


def training_flops_per_clip(config: Any) -> float:
    """FLOPs that training spends on one clip of a batch under a config: with images beside videos
    the mean of a clip and of the images that stand in its place."""
    return mean_training_flops(model_config_of(config), mixture.share_of(config.data))


def mean_training_flops(c: ModelConfig, image_share: float) -> float:
    """The same of a model; an image step's frames have a timestep and a caption each."""
    if not image_share:
        return training_flops(c)
    images = c.latent[0] * training_flops(mixture.image_model(c))
    return (1 - image_share) * training_flops(c) + image_share * images


def spent(config: Any, c: ModelConfig, steps: int) -> int:
    """FLOPs of `steps` training steps of a config, whose model is `c`; each kind by its own."""
    clips, images = mixture.seen(config, steps)
    return clips * training_flops(c) + images * training_flops(mixture.image_model(c))


class Counts(NamedTuple):
    """What a config's model has, and what training takes on one clip of a batch: FLOPs (as
    `training_flops_per_clip` has them), latent patches."""

    params: int
    flops: float
    tokens: int


def counts(config: Any) -> Counts:
    """Those of a config."""
    model = model_config_of(config)
    flops = mean_training_flops(model, mixture.share_of(config.data))
    return Counts(count_params(model)["params"], flops, model.tokens)

"""FLOPs, tokens and weights of a VideoDiT in closed form. No JAX here.

    python -m vdit.flops --size XL --patch 1,2,2 --latent 1,32,32,4 --classes 1000 --learn_sigma

prints them as JSON. DiT and Latte as published have `--positions sincos --no_qk_norm` too.

A FLOP is a true operation: 2 for each multiply-accumulate. Training is the forward pass plus twice
that for the backward pass, less the two products that nobody forms: the gradients with respect to
the noised latents and to the noise level's sinusoids. Element-wise work is not counted.
"""

import argparse
import json

from vdit.config import model_flags, unet_flops
from vdit.config.activations import activation_bytes
from vdit.config.model_config import ModelConfig, attended_tokens, stages
from vdit.config.sizes import model_config_of


def _captioned(s: ModelConfig) -> bool:
    """Whether a caption is embedded and pooled; a label's row of a table takes no product."""
    return s.condition in ("text", "class")


def _first_layers(s: ModelConfig) -> int:
    """FLOPs of the layers whose input needs no gradient: patches, noise level, given embeddings."""
    embeddings = 2 * s.text_length * s.text_features * s.width if _captioned(s) else 0
    levels = 2 * s.levels * s.frequencies * s.width
    return 2 * s.tokens * s.patch_numbers * s.width + levels + embeddings


def _attention(s: ModelConfig, attention_axis: str) -> int:
    n, d = s.tokens + s.context, s.width
    return (
        2 * n * d * 3 * d + int(2 * n * attended_tokens(s, attention_axis) * d * 2) + 2 * n * d * d
    )


def _block(s: ModelConfig, attention_axes: tuple[str, ...]) -> int:
    n, d, hidden = s.tokens, s.width, int(s.width * s.mlp_ratio)
    modulation = 2 * s.levels * d * 3 * (len(attention_axes) + 1) * d
    attention = sum(_attention(s, attention_axis) for attention_axis in attention_axes)
    mlp = 2 * (n + s.context) * d * hidden * 2
    cross = 0
    if s.crosses:
        m = s.text_length
        cross = 2 * n * d * d * 2 + 2 * m * d * 2 * d + 2 * n * m * d * 2
    return modulation + attention + cross + mlp


def _blocks(s: ModelConfig):
    """The groupings of every block of the model, in order of its stages."""
    return [block for blocks, repeats in stages(s) for block in blocks * repeats]


def forward_flops(s: ModelConfig) -> int:
    """FLOPs of one forward pass for one clip."""
    level = 2 * s.levels * s.width**2
    pooled = 2 * s.width**2 if _captioned(s) else 0
    body = unet_flops.body_flops(s) if s.attention == "unet" else _body_flops(s)
    return _first_layers(s) + level + pooled + body


def _body_flops(s: ModelConfig) -> int:
    last = 2 * s.levels * s.width * 2 * s.width + 2 * s.tokens * s.width * s.output_numbers
    return sum(_block(s, block) for block in _blocks(s)) + last


def training_flops(s: ModelConfig) -> int:
    """FLOPs of forward and backward pass for one clip; recomputation is not counted."""
    return 3 * forward_flops(s) - _first_layers(s)


def recomputed_flops(s: ModelConfig) -> int:
    """FLOPs of one clip that `remat` does twice: attention's two products (dots), or all (full)."""
    if s.remat != "dots":
        return forward_flops(s) if s.remat == "full" else 0
    seen = sum(
        attended_tokens(s, attention_axis) for block in _blocks(s) for attention_axis in block
    )
    cross = s.depth * s.tokens * s.text_length * s.crosses
    return int(4 * s.width * ((s.tokens + s.context) * seen + cross))


def gmacs(s: ModelConfig) -> float:
    """Multiply-accumulates of a forward pass in 1e9: what papers of the DiT line call Gflops."""
    return forward_flops(s) / 2e9


def count_params(s: ModelConfig) -> dict[str, int]:
    """`params`, `params_total`, `params_no_adaln`, as DESIGN section 4 defines them."""
    d = s.width
    body = unet_flops.body_params(s) if s.attention == "unet" else _body_params(s)
    plain = body["plain"] + s.frequencies * d + d + d * d + d
    params = plain + body["modulation"]
    ends = body["end"] + s.patch_numbers * d + d
    return {
        "params": params,
        "params_total": params + ends + _caption_params(s) + _position_params(s),
        "params_no_adaln": plain,
    }


def _body_params(s: ModelConfig) -> dict[str, int]:
    d, hidden, head = s.width, int(s.width * s.mlp_ratio), s.width // s.heads
    attention = 4 * d * d + 4 * d + 2 * head * s.qk_norm
    rest = 2 * d * hidden + hidden + d + attention * s.crosses
    parts = [len(attention_axes) for attention_axes in _blocks(s)]
    return {
        "plain": sum(n * attention + rest for n in parts),
        "modulation": (sum(3 * (n + 1) for n in parts) + 2) * (d * d + d),
        "end": (d + 1) * s.output_numbers,
    }


def _caption_params(s: ModelConfig) -> int:
    d = s.width
    if not _captioned(s):
        return s.vocabulary * d if s.condition == "label" else 0
    words = (s.text_features + 2) * d if s.text_features else s.vocabulary * d
    return words + s.text_length * d + d * d + d


def _position_params(s: ModelConfig) -> int:
    frames, places = s.grid[0], s.grid[1] * s.grid[2]
    learned = places + (frames if frames > 1 else 0)
    return learned * s.width if s.positions == "learned" else 0


def training_flops_per_clip(config) -> int:
    """FLOPs that training spends on one clip under a config."""
    return training_flops(model_config_of(config))


def tokens_per_clip(config) -> int:
    """Latent patches in one clip under a config."""
    return model_config_of(config).tokens


def params(config) -> dict[str, int]:
    """Weights under a config; without its data's words, which only `params_total` would count."""
    return count_params(model_config_of(config))


def report(s: ModelConfig) -> dict[str, float]:
    """What `python -m vdit.flops` prints: weights, then cost and kept bytes for one clip."""
    counts = count_params(s)
    return {
        "params": counts["params"],
        "params_total": counts["params_total"],
        "gmacs": gmacs(s),
        "flops_forward": forward_flops(s),
        "flops_training": training_flops(s),
        "activation_bytes": activation_bytes(s),
    }


def main() -> int:
    """Counts the model that the command line asks for."""
    parser = argparse.ArgumentParser(prog="python -m vdit.flops", description=report.__doc__)
    model_flags.add(parser)
    print(json.dumps(report(model_flags.asked(parser.parse_args())), indent=2))
    return 0

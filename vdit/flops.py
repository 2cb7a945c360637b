"""FLOPs, tokens and weights of a VideoDiT in closed form. No JAX here.

A FLOP is a true operation: 2 for each multiply-accumulate. Training is the forward pass plus twice
that for the backward pass, less the two products that nobody forms: the gradients with respect to
the noised latents and to the noise level's sinusoids. Element-wise work is not counted.
"""

from vdit.sizes import Shape, shape_of


def _first_layers(s: Shape) -> int:
    """FLOPs of the layers whose input needs no gradient: patches, noise level, given embeddings."""
    embeddings = 2 * s.text_length * s.text_features * s.width if s.condition != "none" else 0
    return 2 * s.tokens * s.patch_numbers * s.width + 2 * s.frequencies * s.width + embeddings


def _block(s: Shape) -> int:
    n, d, hidden = s.tokens, s.width, int(s.width * s.mlp_ratio)
    modulation = 2 * d * 6 * d
    attention = 2 * n * d * 3 * d + 2 * n * n * d * 2 + 2 * n * d * d
    mlp = 2 * n * d * hidden * 2
    cross = 0
    if s.condition == "text":
        m = s.text_length
        cross = 2 * n * d * d * 2 + 2 * m * d * 2 * d + 2 * n * m * d * 2
    return modulation + attention + cross + mlp


def forward_flops(s: Shape) -> int:
    """FLOPs of one forward pass for one clip."""
    d = s.width
    pooled = 2 * d * d if s.condition != "none" else 0
    last = 2 * d * 2 * d + 2 * s.tokens * d * s.patch_numbers
    return _first_layers(s) + 2 * d * d + pooled + s.depth * _block(s) + last


def training_flops(s: Shape) -> int:
    """FLOPs of forward and backward pass for one clip; recomputation is not counted."""
    return 3 * forward_flops(s) - _first_layers(s)


def gmacs(s: Shape) -> float:
    """Multiply-accumulates of a forward pass in 1e9: what papers of the DiT line call Gflops."""
    return forward_flops(s) / 2e9


def count_params(s: Shape) -> dict[str, int]:
    """`params`, `params_total`, `params_no_adaln`, as DESIGN section 4 defines them."""
    d, hidden, head = s.width, int(s.width * s.mlp_ratio), s.width // s.heads
    modulation = 6 * d * d + 6 * d
    block = 4 * d * d + 4 * d + 2 * head + 2 * d * hidden + hidden + d
    if s.condition == "text":
        block += 4 * d * d + 4 * d + 2 * head
    level = s.frequencies * d + d + d * d + d
    final_modulation = 2 * d * d + 2 * d
    plain = s.depth * block + level
    params = plain + s.depth * modulation + final_modulation
    ends = s.patch_numbers * d + d + d * s.patch_numbers + s.patch_numbers
    return {
        "params": params,
        "params_total": params + ends + _caption_params(s),
        "params_no_adaln": plain,
    }


def _caption_params(s: Shape) -> int:
    d = s.width
    if s.condition == "none":
        return 0
    words = (s.text_features + 2) * d if s.text_features else s.vocabulary * d
    return words + s.text_length * d + d * d + d


def training_flops_per_clip(config) -> int:
    """FLOPs that training spends on one clip under a config."""
    return training_flops(shape_of(config))


def tokens_per_clip(config) -> int:
    """Latent patches in one clip under a config."""
    return shape_of(config).tokens


def params(config) -> dict[str, int]:
    """Weights under a config; without its data's words, which only `params_total` would count."""
    return count_params(shape_of(config))

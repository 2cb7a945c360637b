"""FLOPs, tokens and weights of a VideoDiT in closed form. No JAX here.

A FLOP is a true operation: 2 for each multiply-accumulate. Training is the forward pass plus twice
that for the backward pass, less the two products that nobody forms: the gradients with respect to
the noised latents and to the noise level's sinusoids. Element-wise work is not counted.
"""

from vdit.sizes import Shape, shape_of, stages


def _first_layers(s: Shape) -> int:
    """FLOPs of the layers whose input needs no gradient: patches, noise level, given embeddings."""
    embeddings = 2 * s.text_length * s.text_features * s.width if s.condition != "none" else 0
    return 2 * s.tokens * s.patch_numbers * s.width + 2 * s.frequencies * s.width + embeddings


def _seen(s: Shape, grouping: str) -> float:
    """Tokens that one token sees; "split" is the mean over its heads."""
    frames, places = s.grid[0], s.grid[1] * s.grid[2]
    means = {"full": s.tokens, "space": places, "time": frames, "split": (frames + places) / 2}
    return means[grouping]


def _attention(s: Shape, grouping: str) -> int:
    n, d = s.tokens, s.width
    return 2 * n * d * 3 * d + int(2 * n * _seen(s, grouping) * d * 2) + 2 * n * d * d


def _block(s: Shape, groupings: tuple[str, ...]) -> int:
    n, d, hidden = s.tokens, s.width, int(s.width * s.mlp_ratio)
    modulation = 2 * d * 3 * (len(groupings) + 1) * d
    attention = sum(_attention(s, grouping) for grouping in groupings)
    mlp = 2 * n * d * hidden * 2
    cross = 0
    if s.condition == "text":
        m = s.text_length
        cross = 2 * n * d * d * 2 + 2 * m * d * 2 * d + 2 * n * m * d * 2
    return modulation + attention + cross + mlp


def _blocks(s: Shape):
    """The groupings of every block of the model, in order of its stages."""
    return [block for blocks, repeats in stages(s) for block in blocks * repeats]


def forward_flops(s: Shape) -> int:
    """FLOPs of one forward pass for one clip."""
    d = s.width
    pooled = 2 * d * d if s.condition != "none" else 0
    last = 2 * d * 2 * d + 2 * s.tokens * d * s.patch_numbers
    return (
        _first_layers(s) + 2 * d * d + pooled + sum(_block(s, block) for block in _blocks(s)) + last
    )


def training_flops(s: Shape) -> int:
    """FLOPs of forward and backward pass for one clip; recomputation is not counted."""
    return 3 * forward_flops(s) - _first_layers(s)


def gmacs(s: Shape) -> float:
    """Multiply-accumulates of a forward pass in 1e9: what papers of the DiT line call Gflops."""
    return forward_flops(s) / 2e9


def count_params(s: Shape) -> dict[str, int]:
    """`params`, `params_total`, `params_no_adaln`, as DESIGN section 4 defines them."""
    d, hidden, head = s.width, int(s.width * s.mlp_ratio), s.width // s.heads
    attention = 4 * d * d + 4 * d + 2 * head
    rest = 2 * d * hidden + hidden + d + (attention if s.condition == "text" else 0)
    parts = [len(groupings) for groupings in _blocks(s)]
    level = s.frequencies * d + d + d * d + d
    plain = sum(n * attention + rest for n in parts) + level
    modulations = sum(3 * (n + 1) for n in parts) + 2
    params = plain + modulations * (d * d + d)
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

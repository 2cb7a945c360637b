"""FLOPs, tokens and weights of a model, summed over its parts. No JAX here.

A FLOP is a true operation: 2 for each multiply-accumulate. Training is the forward pass plus twice
that for the backward pass, less the two products that nobody forms: the gradients with respect to
the noised latents and to the timestep's sinusoids. Element-wise work is not counted.
"""

import functools
from typing import Any, NamedTuple

from vdit.config import mixture
from vdit.config.model_config import ModelConfig
from vdit.config.network import network
from vdit.config.parts import Dense
from vdit.config.sizes import model_config_of

ENDS = ("patches", "caption", "output", "positions")  # what `params` leaves out


@functools.lru_cache
def forward_flops(c: ModelConfig) -> int:
    """FLOPs of one forward pass for one clip."""
    return sum(part.flops * repeats for part, repeats in network(c).parts())


@functools.lru_cache
def training_flops(c: ModelConfig) -> int:
    """FLOPs of forward and backward pass for one clip; recomputation is not counted."""
    first = (part.flops for part in network(c).ends if isinstance(part, Dense) and part.first)
    return 3 * forward_flops(c) - sum(first)


def recomputed_flops(c: ModelConfig) -> int:
    """FLOPs of one clip that `remat` does twice: all ("full") or those of convolutions ("dots")."""
    if c.remat != "dots":
        return forward_flops(c) if c.remat == "full" else 0
    return sum(n * part.flops for part, n in network(c).parts_of_layers() if part.remade)


def gmacs(c: ModelConfig) -> float:
    """Multiply-accumulates of a forward pass in 1e9: what papers of the DiT line call Gflops."""
    return forward_flops(c) / 2e9


def count_params(c: ModelConfig) -> dict[str, int]:
    """`params`, `params_total`, `params_no_adaln`, as DESIGN section 4 defines them."""
    sizes = [(w.name, n * w.size) for part, n in network(c).parts() for w in part.weights]
    inner = [(name, size) for name, size in sizes if name.split(".")[0] not in ENDS]
    return {
        "params": sum(size for _, size in inner),
        "params_total": sum(size for _, size in sizes),
        "params_no_adaln": sum(size for name, size in inner if "modulation" not in name),
    }


def training_flops_per_clip(config: Any) -> float:
    """FLOPs that training spends on one clip of a batch under a config: of batches of more than one
    shape the mean, and of what stands in a clip's place."""
    return mean_training_flops(config, model_config_of(config))


def mean_training_flops(config: Any, c: ModelConfig) -> float:
    """The same, where its model is at hand; each image has a timestep and a caption of its own."""
    own, *others = mixture.parts(config, c)
    if not others:
        return training_flops(c)
    places = ((p.share, p.batch / config.batch * training_flops(p.model)) for p in (own, *others))
    return sum(share * flops for share, flops in places)


def mean_tokens(config: Any, c: ModelConfig) -> float:
    """Latent patches of one clip of a batch: those of the config's shape, or the mean."""
    own, *others = mixture.parts(config, c)
    if not others:
        return c.tokens
    return sum(p.share * p.batch * p.model.tokens for p in (own, *others)) / config.batch


def spent(config: Any, c: ModelConfig, steps: int) -> int:
    """FLOPs of `steps` training steps of a config, whose model is `c`; each shape by its own."""
    had = mixture.batches_of(config, c, steps)
    return sum(batches * part.batch * training_flops(part.model) for part, batches in had)


def tokens(config: Any, c: ModelConfig, steps: int) -> int:
    """Latent patches of these steps."""
    had = mixture.batches_of(config, c, steps)
    return sum(batches * part.batch * part.model.tokens for part, batches in had)


class Counts(NamedTuple):
    """What a config's model has, and what training takes on one clip of a batch: FLOPs (as
    `training_flops_per_clip` has them), latent patches."""

    params: int
    flops: float
    tokens: float


def counts(config: Any) -> Counts:
    """Those of a config."""
    model = model_config_of(config)
    flops, tokens = mean_training_flops(config, model), mean_tokens(config, model)
    return Counts(count_params(model)["params"], flops, tokens)

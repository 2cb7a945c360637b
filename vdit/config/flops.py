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

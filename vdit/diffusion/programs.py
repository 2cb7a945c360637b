"""The compiled programs of using a model: sampling, and losses on fixed noised clips."""

from typing import NamedTuple

import jax
from flax import nnx

from vdit.config.model_config import ModelConfig
from vdit.diffusion import conditioning_frames, objectives
from vdit.diffusion.objectives import Objective, Sampling
from vdit.models import dit
from vdit.parallel.compiler import jitted


class Conditioning(NamedTuple):
    """Latents (B, T, H, W, C), and which frames of them condition, (B, T), or None to edit all."""

    clean: jax.Array
    mask: jax.Array | None


def noise_key(seed: jax.Array, first: jax.Array) -> jax.Array:
    """The key of a batch's noise: by the seed, 32 bits, and the number of its first clip."""
    return jax.random.fold_in(jax.random.key(seed), first)


@jitted("step", static_argnames=("config", "objective", "sampling"))
def generate(
    weights: nnx.State,
    seed: jax.Array,
    first: jax.Array,
    caption: jax.Array,
    conditioning: Conditioning | None = None,
    *,
    config: ModelConfig,
    objective: Objective,
    sampling: Sampling,
) -> jax.Array:
    """Latents (B, T, H, W, C) for captions (B, S); the noise is that of `noise_key`, which is made
    in here: outside it would be two more programs to trace, for each process.

    With a strength below 1 the clean latents are edited; otherwise those of the mask are kept.
    """
    model = nnx.merge(dit.graph_of(config), weights)
    key = noise_key(seed, first)
    noise = jax.random.normal(key, (len(caption), *config.latent))
    # Only ancestral sampling draws more noise; its keys come from another stream than the first's.
    later = jax.random.fold_in(key, 1) if sampling.method == "ancestral" else None
    rest = noise, caption, sampling, later
    if conditioning is None:
        return objectives.sample(objective, model, *rest)
    if conditioning.mask is None:
        return objectives.sample(objective, model, *rest, conditioning.clean)
    conditioned = conditioning_frames.condition_on(model, *conditioning, objective.zero)
    made = objectives.sample(objective, conditioned, *rest)
    return conditioning_frames.restore(made, *conditioning)


@jitted("step", static_argnames=("config", "objective"))
def fixed_losses(
    weights: nnx.State,
    key: jax.Array,
    x: jax.Array,
    t_B: jax.Array,
    caption: jax.Array,
    *,
    config: ModelConfig,
    objective: Objective,
) -> jax.Array:
    """(B,) losses on fixed clips, timesteps and (by the key) noises."""
    noise = jax.random.normal(key, x.shape)
    model = nnx.merge(dit.graph_of(config), weights)
    return objective.losses(model, x, noise, t_B, caption)

"""The compiled programs of learning to generate: a loss, sampling, losses on fixed triples."""

import dataclasses
import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from vdit.config.model_config import ModelConfig
from vdit.diffusion import flow, given, objectives
from vdit.diffusion.objectives import Objective, Sampling
from vdit.models import dit
from vdit.parallel.compiler import jitted
from vdit.training import mup


@functools.lru_cache(maxsize=32)
def graph_of(shape: ModelConfig) -> nnx.GraphDef:
    """The model without its weights."""
    return jax.eval_shape(lambda: nnx.split(dit.create(shape, jax.random.key(0))))[0]


@dataclasses.dataclass(frozen=True)
class Init:
    """Fresh weights of a shape; `relative_width` is that of `vdit.training.mup`."""

    shape: ModelConfig
    relative_width: float = 1.0

    def __call__(self, key) -> nnx.State:
        return mup.at_start(nnx.split(dit.create(self.shape, key))[1], self.relative_width)


@dataclasses.dataclass(frozen=True)
class DiffusionLoss:
    """The objective's loss; captions dropped at random for guidance (2207.12598)."""

    shape: ModelConfig
    objective: Objective
    drop_caption: float
    given: float = 0.0  # share of clips with some frames given

    def __call__(self, weights, batch, key):
        x, caption = batch["latent"], batch["caption"]
        # One draw for all: every further call of threefry costs seconds of compilation.
        frames = x.shape[1] // self.shape.patch[0]
        ends = np.cumsum([2, x[0].size, (3 + frames) * (self.given > 0)])
        draw = jax.random.normal(key, (len(x), ends[-1]))
        u, noise, u_masks = jnp.split(draw, ends[:-1], axis=1)
        noise, (u_t, u_drop) = noise.reshape(x.shape), jax.scipy.special.ndtr(u.T)
        kept = flow.per_clip(u_drop >= self.drop_caption, caption)
        caption = caption * kept.astype(caption.dtype)
        model, weight = nnx.merge(graph_of(self.shape), weights), 1.0
        if self.given:
            masks = given.random_masks(jax.scipy.special.ndtr(u_masks), frames, self.given)
            masks = masks.repeat(self.shape.patch[0], axis=1)
            model = given.shown(model, x, masks, self.objective.zero)
            weight = given.weights(masks)
        t = self.objective.times(u_t)
        return self.objective.losses(model, x, noise, t, caption, weight).mean(), {}


class Known(NamedTuple):
    """Latents (B, T, H, W, C), and which frames of them are given, (B, T), or None to edit all."""

    clean: jax.Array
    given: jax.Array | None


@jitted("step", static_argnames=("shape", "objective", "sampling"))
def generate(
    weights, key, caption, known: Known | None = None, *, shape, objective, sampling: Sampling
) -> jax.Array:
    """Latents (B, T, H, W, C) for captions (B, S); the key fixes the noise.

    With a strength below 1 the known latents are edited; otherwise those given are kept.
    """
    model = nnx.merge(graph_of(shape), weights)
    noise = jax.random.normal(key, (len(caption), *shape.latent))
    # Only ancestral sampling draws more noise; its keys come from another stream than the first's.
    later = jax.random.fold_in(key, 1) if sampling.method == "ancestral" else None
    rest = noise, caption, sampling, later
    if known is None:
        return objectives.sample(objective, model, *rest)
    if known.given is None:
        return objectives.sample(objective, model, *rest, known.clean)
    seeing = given.shown(model, *known, objective.zero)
    return given.keep(objectives.sample(objective, seeing, *rest), *known)


@jitted("step", static_argnames=("shape", "objective"))
def triple_losses(weights, key, x, t_B, caption, *, shape: ModelConfig, objective: Objective):
    """(B,) losses on fixed clips, noise levels and (by the key) noises."""
    noise = jax.random.normal(key, x.shape)
    return objective.losses(nnx.merge(graph_of(shape), weights), x, noise, t_B, caption)

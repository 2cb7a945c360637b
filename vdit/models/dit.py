"""VideoDiT: a diffusion transformer on space-time patches of latents.

After DiT (2212.09748) and Latte (2401.03048): adaLN-Zero from the timestep and the pooled caption,
cross-attention to the caption's tokens. Which patches attend to each other is the variant: one
sequence over space and time, or Latte's four ways to take space and time apart.
"""

import functools
import importlib
from collections.abc import Callable

import jax
import jax.numpy as jnp
from flax import nnx

from vdit.config.model_config import ModelConfig, family_of, stages
from vdit.models import embed, positions
from vdit.models.attend import shard_tokens
from vdit.models.blocks import Layer, unsplit_frames
from vdit.models.conditioning import Conditioned
from vdit.models.layers import zeros_dense
from vdit.models.norms import layer_norm
from vdit.models.stack import repeat, stacked
from vdit.parallel.sharding import replicate


class VideoDiT(Conditioned):
    """velocity = model(x_BTHWC, t_B, caption): rectified flow's estimate of noise - data.

    x: (B, T, H, W, C) latents, of any T, H, W that the patch divides; t: (B,) in [0, 1], 0 is
    data, or (B, T), one for each frame, the same within a patch; caption: (B, S) tokens,
    (B, 1) class labels (0 is "no caption") or (B, S, F) embeddings.
    Returns float32 of x's shape, zero at the start of training; 2 C channels with a learned
    variance: the prediction's, then the variance's.
    """

    def __init__(self, config: ModelConfig, *, rngs: nnx.Rngs):
        super().__init__(config, rngs=rngs)
        kw, width = {"rngs": rngs, "dtype": jnp.dtype(config.dtype)}, config.width
        self.stages = nnx.List(
            [
                stacked(functools.partial(Layer, config, blocks), n, rngs)
                for blocks, n in stages(config)
            ]
        )
        self.final_modulation = zeros_dense(width, 2 * width, ("embed", "mlp"), **kw)
        self.output = zeros_dense(width, config.output_numbers, ("embed", None), **kw)
        self.positions = positions.create(config, rngs=rngs)

    def __call__(self, x_BTHWC: jax.Array, t: jax.Array, caption: jax.Array) -> jax.Array:
        config, grid = self.config, embed.grid_of(x_BTHWC.shape, self.config.patch)
        dtype = jnp.dtype(config.dtype)
        x_BND = self.patches(embed.patchify(x_BTHWC, config.patch).astype(dtype))
        x_BND, angles_NE, temporal_ND = self._add_positions(x_BND, grid)
        x_BND = shard_tokens(x_BND, unsplit_frames(config, grid))
        c, words = self.condition(t, caption, x_BTHWC.shape[1:4])
        tokens, length_B = x_BND.shape[1], None
        if config.context:
            x_BND, angles_NE, length_B = _with_words(x_BND, angles_NE, *words)
            words = None
        inputs = c, words, length_B, angles_NE, grid
        for stage in self.stages:
            x_BND = repeat(stage, config, x_BND, temporal_ND, *inputs)
        x_BND = x_BND[:, :tokens]
        shift, scale = jnp.split(replicate(self.final_modulation(c)), 2, -1)
        y_BNP = self.output(layer_norm(x_BND, (shift, scale))).astype(jnp.float32)
        channels = x_BTHWC.shape[-1] * (1 + config.learn_sigma)
        return embed.unpatchify(y_BNP, config.patch, (*x_BTHWC.shape[1:4], channels))

    def _add_positions(
        self, x_BND: jax.Array, grid: embed.Grid
    ) -> tuple[jax.Array, jax.Array | None, jax.Array | None]:
        """The tokens with positions added, rotary angles, and temporal positions to add later.

        Latte adds the temporal table before the first block over time (2401.03048); variants
        without such a block have it at once.
        """
        if self.positions is None:
            head = self.config.width // self.config.heads
            return x_BND, jnp.asarray(embed.rotary_angles(grid, head)), None
        spatial, temporal = self.positions(grid)
        x_BND = x_BND + positions.spatial_to_tokens(spatial, grid).astype(x_BND.dtype)
        if temporal is None:
            return x_BND, None, None
        temporal_ND = positions.temporal_to_tokens(temporal, grid).astype(x_BND.dtype)
        later = any(("time",) in stage.attention_axes for stage in self.stages)
        return (x_BND, None, temporal_ND) if later else (x_BND + temporal_ND, None, None)


def _with_words(
    x_BND: jax.Array, angles_NE: jax.Array | None, e_BSD: jax.Array, length_B: jax.Array
) -> tuple[jax.Array, jax.Array | None, jax.Array]:
    """The caption's tokens behind the clip's, without positions; lengths (B,) of both."""
    if angles_NE is not None:
        angles_NE = jnp.pad(angles_NE, ((0, e_BSD.shape[1]), (0, 0)))
    return jnp.concatenate([x_BND, e_BSD], 1), angles_NE, x_BND.shape[1] + length_B


def create(config: ModelConfig, key: jax.Array) -> nnx.Module:
    """A new model from an explicit key; weights float32, axes named, no mesh needed yet."""
    return _made(config, nnx.Rngs(key))


def _made(config: ModelConfig, rngs: nnx.Rngs) -> nnx.Module:
    family = family_of(config)
    Model = getattr(importlib.import_module(f"vdit.models.{family.network}"), family.model)
    with nnx.use_eager_sharding(False):
        return Model(config, rngs=rngs)


def graph_of(config: ModelConfig) -> nnx.GraphDef:
    """The model without its weights: `nnx.merge(graph_of(config), weights)` is the whole of it."""
    return _abstract(config)[0]


def weight_shapes(config: ModelConfig) -> nnx.State:
    """Its weights as shapes alone."""
    return _abstract(config)[1]


@functools.lru_cache(maxsize=32)
def _abstract(config: ModelConfig) -> tuple[nnx.GraphDef, nnx.State]:
    return abstract(functools.partial(_made, config))


def abstract(make: Callable[[nnx.Rngs], nnx.Module]) -> tuple[nnx.GraphDef, nnx.State]:
    """Graph and weights, as shapes alone, of what `make` builds, of one tracing."""

    def split():
        rngs = nnx.Rngs()
        rngs.default = _OneKey(jax.random.key(0), tag="default")
        return nnx.split(make(rngs))

    return jax.eval_shape(split)


class _OneKey(nnx.RngStream):
    """The same key for every weight: no shape depends on it. Flax's own stream counts, and in a
    tracing each count makes a long error message that nobody reads: a third of the time."""

    def __call__(self) -> jax.Array:
        return self.key[...]

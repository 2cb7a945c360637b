"""Published models as callables, with timesteps, labels and captions as they were published."""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from vdit.config.model_config import ModelConfig
from vdit.errors import InputError
from vdit.pretrained.names import WeightPath

TIMESTEPS = 1000


@dataclasses.dataclass(frozen=True, eq=False)
class Pretrained:
    """A DiT (2212.09748) or Latte (2401.03048): output = model(x_BTHWC, t, y).

    x: (B, T, H, W, C) noised latents, T = 1 for DiT; t: (B,) timesteps in 0 .. 999; y: (B,) labels,
    the number of classes for none (as y=None); one t or y may stand for all. For text to video y
    is the captions' embeddings (B, S, F), mask (B, S) true where there is a word (None: all are):
    first a caption's words, then none.
    Returns (B, T, H, W, C) float32, or 2 C channels with a learned variance: first the noise, then
    the variance's share between its bounds.

    `config` and `weights` (float32) are those of the model inside, `model`; its label 0 is the null
    label and its t runs from 0 to 1. `paths`, `dtypes` and `tables` are for `to_torch`.
    """

    kind: str
    config: ModelConfig
    graph: nnx.GraphDef
    weights: nnx.State
    paths: dict[str, WeightPath]
    dtypes: dict[str, np.dtype]
    tables: dict[str, np.ndarray]

    @property
    def model(self) -> nnx.Module:
        """The VideoDiT or LatteText, made anew from its weights."""
        return nnx.merge(self.graph, self.weights)

    def __call__(
        self,
        x_BTHWC: jax.Array,
        t: jax.typing.ArrayLike,
        y: jax.typing.ArrayLike | None = None,
        mask: jax.typing.ArrayLike | None = None,
    ) -> jax.Array:
        _check_video(self, x_BTHWC.shape)
        t_B = jnp.broadcast_to(jnp.asarray(t, jnp.float32), len(x_BTHWC)) / TIMESTEPS
        condition = _words if self.config.condition == "text" else _labels
        caption = condition(self.config, y, mask, len(x_BTHWC))
        return _forward(self.graph, self.weights, x_BTHWC, t_B, *caption)


@functools.partial(jax.jit, static_argnums=0)
def _forward(
    graph: nnx.GraphDef, weights: nnx.State, x: jax.Array, t_B: jax.Array, *caption: jax.Array
) -> jax.Array:
    return nnx.merge(graph, weights)(x, t_B, *caption)


def _check_video(model: Pretrained, shape: tuple[int, ...]) -> None:
    channels = model.config.latent[3]
    if len(shape) != 5 or shape[-1] != channels:
        raise InputError(f"x of shape {shape}: expected (B, T, H, W, {channels})")
    if model.kind == "dit" and shape[1] != 1:
        raise InputError(f"x of shape {shape}: DiT takes T = 1 frame")


def _labels(
    config: ModelConfig,
    y: jax.typing.ArrayLike | None,
    mask: jax.typing.ArrayLike | None,
    batch: int,
) -> tuple[jax.Array]:
    """Published labels, the null label last, as our model's (B, 1), the null label first."""
    if mask is not None:
        raise InputError("mask: expected none, for this model takes labels")
    if config.condition == "none" or y is None:
        return (jnp.zeros((batch, 1), jnp.int32),)
    known = isinstance(y, jax.core.Tracer) or np.isin(y, np.arange(config.vocabulary)).all()
    if not known:
        raise InputError(f"labels {np.asarray(y)}: expected 0 to {config.vocabulary - 1} (none)")
    return (jnp.broadcast_to((jnp.asarray(y) + 1) % config.vocabulary, batch)[:, None],)


def _words(
    config: ModelConfig,
    y: jax.typing.ArrayLike | None,
    mask: jax.typing.ArrayLike | None,
    batch: int,
) -> tuple[jax.Array, jax.Array | None]:
    """The captions' embeddings (B, S, F) and how many of them are seen, (B,)."""
    found, features = np.shape(y), config.text_features
    if len(found) != 3 or found[0] != batch or found[2] != features:
        raise InputError(f"captions of shape {found}: expected ({batch}, S, {features})")
    return jnp.asarray(y, jnp.float32), None if mask is None else _lengths(mask, found[:2])


def _lengths(mask: jax.typing.ArrayLike, shape: tuple[int, int]) -> jax.Array:
    """(B, S) true for the words that a caption begins with, to their numbers (B,)."""
    if np.shape(mask) != shape:
        raise InputError(f"mask of shape {np.shape(mask)}: expected {shape}")
    if not isinstance(mask, jax.core.Tracer):
        places = np.diff(np.asarray(mask, bool).astype(int), axis=1)
        if (places > 0).any() or not np.asarray(mask, bool)[:, 0].all():
            raise InputError("mask: expected the words of a caption first, one or more, then none")
    return jnp.asarray(mask, bool).sum(1, dtype=jnp.int32)

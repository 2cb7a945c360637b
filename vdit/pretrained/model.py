"""Published models as callables: `from_torch` and its inverse."""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from vdit.config.model_config import ModelConfig
from vdit.errors import InputError
from vdit.pretrained import diffusers, names, original
from vdit.pretrained.infer import listed

KINDS = ("dit", "latte")
TIMESTEPS = 1000


@dataclasses.dataclass(frozen=True, eq=False)
class Pretrained:
    """A DiT (2212.09748) or Latte (2401.03048): output = model(x_BTHWC, t, y).

    x: (B, T, H, W, C) noised latents, T = 1 for DiT; t: (B,) timesteps in 0 .. 999; y: (B,) labels,
    the number of classes for none (as y=None); one t or y may stand for all. For text to video y
    is the captions' embeddings (B, S, F), mask (B, S) true where there is a word (None: all are).
    Returns (B, T, H, W, C) float32, or 2 C channels with a learned variance: first the noise, then
    the variance's share between its bounds.

    `shape` and `weights` (float32) are those of the model inside, `model`; its label 0 is the null
    label and its t runs from 0 to 1. `places`, `dtypes` and `tables` are for `to_torch`.
    """

    kind: str
    shape: ModelConfig
    graph: nnx.GraphDef
    weights: nnx.State
    places: dict[str, names.Place]
    dtypes: dict[str, np.dtype]
    tables: dict[str, np.ndarray]

    @property
    def model(self) -> nnx.Module:
        """The VideoDiT or LatteText, made anew from its weights."""
        return nnx.merge(self.graph, self.weights)

    def __call__(self, x_BTHWC: jax.Array, t: jax.Array, y=None, mask=None) -> jax.Array:
        _check_video(self, x_BTHWC.shape)
        t_B = jnp.broadcast_to(jnp.asarray(t, jnp.float32), len(x_BTHWC)) / TIMESTEPS
        condition = _words if self.shape.condition == "text" else _labels
        caption = condition(self.shape, y, mask, len(x_BTHWC))
        return _forward(self.graph, self.weights, x_BTHWC, t_B, *caption)


@functools.partial(jax.jit, static_argnums=0)
def _forward(graph, weights, x, t_B, *caption):
    return nnx.merge(graph, weights)(x, t_B, *caption)


def _check_video(model: Pretrained, shape: tuple[int, ...]) -> None:
    channels = model.shape.latent[3]
    if len(shape) != 5 or shape[-1] != channels:
        raise InputError(f"x of shape {shape}: expected (B, T, H, W, {channels})")
    if model.kind == "dit" and shape[1] != 1:
        raise InputError(f"x of shape {shape}: DiT takes T = 1 frame")


def _labels(shape: ModelConfig, y, mask, batch: int) -> tuple[jax.Array]:
    """PyTorch's labels, the null label last, as the house's (B, 1), the null label first."""
    if mask is not None:
        raise InputError("mask: expected none, for this model takes labels")
    if shape.condition == "none" or y is None:
        return (jnp.zeros((batch, 1), jnp.int32),)
    known = isinstance(y, jax.core.Tracer) or np.isin(y, np.arange(shape.vocabulary)).all()
    if not known:
        raise InputError(f"labels {np.asarray(y)}: expected 0 to {shape.vocabulary - 1} (none)")
    return (jnp.broadcast_to((jnp.asarray(y) + 1) % shape.vocabulary, batch)[:, None],)


def _words(shape: ModelConfig, y, mask, batch: int) -> tuple[jax.Array, jax.Array | None]:
    """The captions' embeddings (B, S, F) and the mask (B, S) of those that are seen."""
    found, features = np.shape(y), shape.text_features
    if len(found) != 3 or found[0] != batch or found[2] != features:
        raise InputError(f"captions of shape {found}: expected ({batch}, S, {features})")
    if mask is not None and np.shape(mask) != found[:2]:
        raise InputError(f"mask of shape {np.shape(mask)}: expected {found[:2]}")
    return jnp.asarray(y, jnp.float32), None if mask is None else jnp.asarray(mask, bool)


def from_torch(state_dict: dict[str, np.ndarray], kind: str, num_heads: int) -> Pretrained:
    """A published model from its weights under PyTorch's names; all but the heads is inferred.

    `kind` is dit or latte; the names are those of its authors or of Hugging Face diffusers, whose
    latte is that for text to video. Raises `InputError` that names the first thing which does not
    fit: the kind, names that are missing or unknown, a weight's shape, copies that differ, heads.
    """
    if kind not in KINDS:
        raise InputError(f"kind={kind!r}: expected one of {', '.join(KINDS)}")
    stored = {name: np.asarray(array) for name, array in state_dict.items()}
    naming = diffusers if diffusers.names_are_these(stored) else original
    shape = naming.infer(stored, kind, num_heads)
    places, fixed = naming.places(shape), naming.fixed(shape)
    _check_names(stored, places.keys() | fixed, kind)
    graph, state = nnx.split(jax.eval_shape(lambda: naming.create(shape, jax.random.key(0))))
    weights = _filled(state, stored, places, shape)
    dtypes = {name: array.dtype for name, array in stored.items()}
    return Pretrained(kind, shape, graph, weights, places, dtypes, {n: stored[n] for n in fixed})


def to_torch(pretrained: Pretrained) -> dict[str, np.ndarray]:
    """The weights under the PyTorch names they came in, in the same order and dtypes."""
    patch = pretrained.shape.patch[1]
    leaves = {path: np.asarray(x) for path, x in _leaves(pretrained.weights)}

    def one(name, dtype):
        if name in pretrained.tables:
            return pretrained.tables[name]
        path, layer, layout, (i, parts) = pretrained.places[name]
        array = leaves[path] if layer is None else leaves[path][layer]
        array = np.split(array, parts, axis=-1)[i]
        return np.ascontiguousarray(names.to_pytorch(array, layout, patch), dtype)

    return {name: one(name, dtype) for name, dtype in pretrained.dtypes.items()}


def _check_names(stored, expected, kind: str) -> None:
    missing, unknown = expected - stored.keys(), stored.keys() - expected
    parts = [f"lacks {listed(missing)}"] * bool(missing)
    parts += [f"has unknown {listed(unknown)}"] * bool(unknown)
    if parts:
        raise InputError(f"the state dict {' and '.join(parts)}: expected the names of kind={kind}")


def _filled(state: nnx.State, stored, places, shape: ModelConfig) -> nnx.State:
    """`state` with the stored weights in their places; the layers of a stack side by side."""
    found = {}
    for name, place in places.items():
        found.setdefault(place.path, []).append(name)

    def fill(path, leaf):
        layers = {}
        for name in _without_copies(found[path], stored, places):
            part = _checked(stored[name], name, places[name], leaf.shape, shape)
            layers.setdefault(places[name].layer, []).append(part)
        layers = {layer: np.concatenate(parts, -1) for layer, parts in layers.items()}
        return jnp.asarray(layers[None] if None in layers else np.stack(list(layers.values())))

    filled = [fill(path, leaf) for path, leaf in _leaves(state)]
    return jax.tree.unflatten(jax.tree.structure(state), filled)


def _without_copies(found: list[str], stored, places) -> list[str]:
    """A name for every place, layer by layer and part by part; copies must hold the same."""
    first = {}
    for name in found:
        kept = first.setdefault(places[name], name)
        if not np.array_equal(stored[name], stored[kept]):
            raise InputError(f"{name} differs from {kept}: expected equal copies")
    return sorted(first.values(), key=lambda name: (places[name].layer or 0, places[name].part))


def _checked(array, name: str, place: names.Place, leaf: tuple[int, ...], shape: ModelConfig):
    """One weight in the house's layout, float32; `leaf` is the shape of its place in the state."""
    leaf = leaf if place.layer is None else leaf[1:]
    empty = np.broadcast_to(np.float32(0), (*leaf[:-1], leaf[-1] // place.part[1]))
    expected = names.to_pytorch(empty, place.layout, shape.patch[1]).shape
    if array.shape != expected:
        raise InputError(f"{name}: shape {array.shape}: expected {expected}")
    return names.to_house(array.astype(np.float32), place.layout)


def _leaves(state: nnx.State):
    """(path, array) of every weight, paths as `names` writes them."""
    for path, leaf in jax.tree_util.tree_leaves_with_path(state):
        yield tuple(key.key for key in path if hasattr(key, "key")), leaf

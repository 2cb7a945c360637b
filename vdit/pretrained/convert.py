"""State dicts of PyTorch to published models, and back: `from_torch` and its inverse."""

from collections.abc import Iterator, Mapping, Sequence, Set

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from vdit.errors import InputError
from vdit.pretrained import diffusers, original
from vdit.pretrained.infer import listed
from vdit.pretrained.model import Pretrained
from vdit.pretrained.names import WeightPath, to_flax, to_pytorch

KINDS = ("dit", "latte")


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
    config = naming.infer(stored, kind, num_heads)
    paths, fixed = naming.weight_paths(config), naming.fixed_tables(config)
    _check_names(stored, paths.keys() | fixed, kind)
    graph, state = nnx.split(jax.eval_shape(lambda: naming.create(config, jax.random.key(0))))
    weights = _filled(state, stored, paths, config.patch[1])
    dtypes = {name: array.dtype for name, array in stored.items()}
    return Pretrained(kind, config, graph, weights, paths, dtypes, {n: stored[n] for n in fixed})


def to_torch(pretrained: Pretrained) -> dict[str, np.ndarray]:
    """The weights under the PyTorch names they came in, in the same order and dtypes."""
    patch = pretrained.config.patch[1]
    leaves = {path: np.asarray(x) for path, x in _leaves(pretrained.weights)}

    def one(name: str, dtype: np.dtype) -> np.ndarray:
        if name in pretrained.tables:
            return pretrained.tables[name]
        path, layer, layout, (i, parts) = pretrained.paths[name]
        array = leaves[path] if layer is None else leaves[path][layer]
        array = np.split(array, parts, axis=-1)[i]
        return np.ascontiguousarray(to_pytorch(array, layout, patch), dtype)

    return {name: one(name, dtype) for name, dtype in pretrained.dtypes.items()}


def _check_names(stored: Mapping[str, np.ndarray], expected: Set[str], kind: str) -> None:
    missing, unknown = expected - stored.keys(), stored.keys() - expected
    parts = [f"lacks {listed(missing)}"] * bool(missing)
    parts += [f"has unknown {listed(unknown)}"] * bool(unknown)
    if parts:
        raise InputError(f"the state dict {' and '.join(parts)}: expected the names of kind={kind}")


def _filled(
    state: nnx.State,
    stored: Mapping[str, np.ndarray],
    paths: Mapping[str, WeightPath],
    patch: int,
) -> nnx.State:
    """`state` with the stored weights at their paths; the layers of a stack side by side."""
    found: dict[tuple, list[str]] = {}
    for name, where in paths.items():
        found.setdefault(where.path, []).append(name)

    def fill(path: tuple, leaf: jax.ShapeDtypeStruct) -> jax.Array:
        layers: dict[int | None, list[np.ndarray]] = {}
        for name in _without_copies(found[path], stored, paths):
            part = _converted(name, stored[name], paths[name], leaf.shape, patch)
            layers.setdefault(paths[name].layer, []).append(part)
        arrays = {layer: np.concatenate(parts, -1) for layer, parts in layers.items()}
        return jnp.asarray(arrays[None] if None in arrays else np.stack(list(arrays.values())))

    filled = [fill(path, leaf) for path, leaf in _leaves(state)]
    return jax.tree.unflatten(jax.tree.structure(state), filled)


def _without_copies(
    found: Sequence[str], stored: Mapping[str, np.ndarray], paths: Mapping[str, WeightPath]
) -> list[str]:
    """One name for each layer and part of a path, in their order; copies must hold the same."""
    first: dict[WeightPath, str] = {}
    for name in found:
        source = first.setdefault(paths[name], name)
        if not np.array_equal(stored[name], stored[source]):
            raise InputError(f"{name} differs from {source}: expected equal copies")
    return sorted(first.values(), key=lambda name: (paths[name].layer or 0, paths[name].part))


def _converted(
    name: str, array: np.ndarray, where: WeightPath, leaf: tuple[int, ...], patch: int
) -> np.ndarray:
    """One weight in Flax's layout, float32; `leaf` is the shape of its array in the state."""
    leaf = leaf if where.layer is None else leaf[1:]
    empty = np.broadcast_to(np.float32(0), (*leaf[:-1], leaf[-1] // where.part[1]))
    expected = to_pytorch(empty, where.layout, patch).shape
    if array.shape != expected:
        raise InputError(f"{name}: shape {array.shape}: expected {expected}")
    return to_flax(array.astype(np.float32), where.layout)


def _leaves(state: nnx.State) -> Iterator[tuple[tuple, jax.Array | jax.ShapeDtypeStruct]]:
    """(path, array) of every weight, paths as `WeightPath` has them."""
    for path, leaf in jax.tree_util.tree_leaves_with_path(state):
        yield tuple(key.key for key in path if hasattr(key, "key")), leaf

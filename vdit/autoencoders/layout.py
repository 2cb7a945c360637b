"""Weights of published autoencoders between PyTorch's names and layout and ours.

A model's attributes are named as PyTorch names them, so a path in its weights is a stored name.
"""

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from vdit.errors import InputError
from vdit.pretrained.infer import listed

Weights = dict[str, np.ndarray]  # by PyTorch's names


def filled(weights: Weights, make: Callable[[], nnx.Module]) -> tuple[nnx.GraphDef, nnx.State]:
    """The model that `make` makes, with these weights, float32. Raises `InputError` naming those
    that are lacking, unknown or of another shape."""
    graph, state = nnx.split(nnx.eval_shape(make))
    leaves = {name_of(path): leaf for path, leaf in jax.tree_util.tree_leaves_with_path(state)}
    parts = [f"lack {listed(n)}" for n in [leaves.keys() - weights.keys()] if n]
    parts += [f"have unknown {listed(n)}" for n in [weights.keys() - leaves.keys()] if n]
    if parts:
        raise InputError(f"the autoencoder's weights {' and '.join(parts)}")
    arrays = [_transposed(name, weights[name], leaf.shape) for name, leaf in leaves.items()]
    return graph, jax.tree.unflatten(jax.tree.structure(state), arrays)


def to_stored(state: nnx.State) -> Weights:
    """The weights under PyTorch's names and in its layout, as `filled` takes them."""
    leaves = jax.tree_util.tree_leaves_with_path(state)
    arrays = {name_of(path): np.asarray(leaf) for path, leaf in leaves}
    return {k: x.transpose(np.argsort(_order(x.ndim))) for k, x in arrays.items()}


def name_of(path: Sequence[Any]) -> str:
    """PyTorch's name of a weight; it has none for the list inside `nnx.Sequential`."""
    *keys, last = (str(k.key) for k in path if hasattr(k, "key"))
    last = {"kernel": "weight", "scale": "weight"}.get(last, last)
    return ".".join([*(k for k in keys if k != "layers"), last])


def _transposed(name: str, array: np.ndarray, shape: tuple[int, ...]) -> jax.Array:
    order = _order(len(shape))
    expected = tuple(shape[i] for i in np.argsort(order))
    if array.shape != expected:
        raise InputError(f"{name}: shape {array.shape}: expected {expected}")
    return jnp.asarray(array.transpose(order), jnp.float32)


def _order(axes: int) -> tuple[int, ...]:
    """PyTorch's (out, in, ...) as (..., in, out): convolutions of any rank, and matrices."""
    return (0,) if axes == 1 else (*range(2, axes), 1, 0)

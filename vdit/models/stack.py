"""Layers of one kind as one layer with stacked weights, and the scan over them."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx

from vdit.config.model_config import ModelConfig


def _attention_on_gpus(primitive: Any, *_: Any, **__: Any) -> bool:
    """cuDNN's forward pass: its output and the softmax's statistics, both needed backward."""
    return primitive.name.startswith("dot_product_attention_fwd")


policies = jax.checkpoint_policies


def _made_by(dense: str) -> Callable[..., Any]:
    """Keeps what dense layers and attention made, and the numbers of a row that norms took.

    What lies between them is element-wise, and made anew in the loops that use it.
    """
    named = policies.save_only_these_names(dense, "attention", "norm")
    return policies.save_from_both_policies(named, _attention_on_gpus)


REMAT = {"none": None, "full": policies.nothing_saveable, "dots": _made_by("dense")}
# Without a scan's stack a product is kept where it is; with its bias it would be written again.
UNROLLED = REMAT | {"dots": _made_by("product")}


def repeat(
    stage: nnx.Module,
    config: ModelConfig,
    x_BND: jax.Array,
    temporal_ND: jax.Array | None,
    *inputs: Any,
) -> jax.Array:
    """x through all layers of a `stacked` stage, each called as layer(x, temporal, *inputs).

    One compiled body for all: compile time does not grow with depth. Layers after the first get
    zeros as temporal positions; all get None where there are none to add.
    """
    graph, weights = nnx.split(stage)
    # Matrices in the dtype of the products: cast once, not in every layer of both passes.
    dtype = jnp.dtype(config.dtype)
    weights = jax.tree.map(lambda w: w.astype(dtype) if w.ndim > 2 else w, weights)
    depth = len(jax.tree.leaves(weights)[0])
    first = None if temporal_ND is None else (jnp.arange(depth) == 0).astype(temporal_ND.dtype)

    def layer(x, one):
        weights_of_one, is_first = one
        temporal = None if is_first is None else is_first * temporal_ND
        return nnx.merge(graph, weights_of_one)(x, temporal, *inputs), None

    if policy := (UNROLLED if config.unroll else REMAT)[config.remat]:
        # In a loop there is nothing to merge recomputation with; a barrier would only cost copies.
        layer = jax.checkpoint(layer, policy=policy, prevent_cse=config.unroll)
    return jax.lax.scan(layer, x_BND, (weights, first), unroll=config.unroll or 1)[0]


def stacked(layer: Callable[..., nnx.Module], depth: int, rngs: nnx.Rngs) -> nnx.Module:
    """`depth` times layer(rngs=rngs) as one, every weight with a leading axis named `layers`."""

    @nnx.split_rngs(splits=depth)
    @nnx.vmap(in_axes=0, out_axes=0, transform_metadata={nnx.PARTITION_NAME: "layers"})
    def create(rngs):
        return layer(rngs=rngs)

    return create(rngs)

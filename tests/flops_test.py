"""Closed forms against the programs themselves."""

import dataclasses

import jax
import jax.extend
import jax.numpy as jnp
import pytest
from flax import nnx

from vdit import flops
from vdit.models import dit
from vdit.sizes import SIZES, Shape

DEMO = Shape((3, 8, 8, 4), (1, 2, 2), 32, 2, 2, frequencies=64, vocabulary=30, text_length=24)
SHAPES = {
    "demo": DEMO,
    "unrolled": dataclasses.replace(DEMO, unroll=True),
    "deep, no text": dataclasses.replace(DEMO, depth=5, condition="none"),
    "class": dataclasses.replace(DEMO, condition="class", text_length=1),
    "embeddings": dataclasses.replace(DEMO, text_features=40, text_length=7),
    "interleaved": dataclasses.replace(DEMO, attention="interleaved", depth=4),
    "late fusion": dataclasses.replace(DEMO, attention="late_fusion", condition="none"),
    "factorised": dataclasses.replace(DEMO, attention="factorised"),
    "split heads": dataclasses.replace(DEMO, attention="split_heads", condition="class"),
    "wide": dataclasses.replace(DEMO, latent=(4, 16, 16, 4), width=256, heads=4, mlp_ratio=3.0),
}


def matmul_flops(jaxpr) -> int:
    """FLOPs of the products in a jaxpr; a scan's body counts as often as it runs."""
    total = 0
    for eqn in jaxpr.eqns:
        if eqn.primitive.name == "dot_general":
            (contracted, _), _ = eqn.params["dimension_numbers"]
            size = 1
            for axis in contracted:
                size *= eqn.invars[0].aval.shape[axis]
            total += 2 * eqn.outvars[0].aval.size * size
        times = eqn.params.get("length", 1) if eqn.primitive.name == "scan" else 1
        for inner in jax.extend.core.jaxprs_in_params(eqn.params):
            total += times * matmul_flops(inner)
    return total


def arguments(shape: Shape, batch: int):
    caption = (batch, shape.text_length, *([shape.text_features] if shape.text_features else []))
    dtype = jnp.float32 if shape.text_features else jnp.int32
    return (
        jax.ShapeDtypeStruct((batch, *shape.latent), jnp.float32),
        jax.ShapeDtypeStruct((batch,), jnp.float32),
        jax.ShapeDtypeStruct(caption, dtype),
    )


def forward_and_loss(shape: Shape):
    graph, weights = jax.eval_shape(lambda: nnx.split(dit.create(shape, jax.random.key(0))))

    def forward(weights, *inputs):
        return nnx.merge(graph, weights)(*inputs)

    return forward, jax.grad(lambda *a: forward(*a).sum()), weights


@pytest.mark.parametrize("name", SHAPES)
def test_closed_form_equals_the_jaxpr(name):
    shape, batch = SHAPES[name], 3
    forward, gradient, weights = forward_and_loss(shape)
    inputs = arguments(shape, batch)
    counted = matmul_flops(jax.make_jaxpr(forward)(weights, *inputs).jaxpr)
    assert counted == batch * flops.forward_flops(shape)
    counted = matmul_flops(jax.make_jaxpr(gradient)(weights, *inputs).jaxpr)
    assert counted == pytest.approx(batch * flops.training_flops(shape), rel=1e-3)


@pytest.mark.parametrize("name", SHAPES)
def test_parameters_are_counted_to_the_last_one(name):
    shape = SHAPES[name]
    weights = forward_and_loss(shape)[2]
    counts = flops.count_params(shape)
    assert counts["params_total"] == sum(x.size for x in jax.tree.leaves(weights))
    ends = ("patches", "caption", "output")
    named = [(path[0].key, x.size) for path, x in jax.tree_util.tree_leaves_with_path(weights)]
    assert counts["params"] == sum(size for name, size in named if name not in ends)
    adaln = sum(
        x.size
        for path, x in jax.tree_util.tree_leaves_with_path(weights)
        if any("modulation" in str(key) for key in path)
    )
    assert counts["params_no_adaln"] == counts["params"] - adaln


@pytest.mark.slow
def test_closed_form_is_near_what_xla_counts():
    shape = dataclasses.replace(
        DEMO, latent=(2, 16, 16, 4), width=1024, depth=2, heads=16, unroll=True, frequencies=256
    )
    _, gradient, weights = forward_and_loss(shape)
    compiled = jax.jit(gradient).lower(weights, *arguments(shape, 2)).compile()
    assert compiled.cost_analysis()["flops"] == pytest.approx(
        2 * flops.training_flops(shape), rel=0.02
    )


def test_published_multiply_accumulates_of_dit():
    """DiT-XL/2 at 256x256 is 118.64 "Gflops" (2212.09748, table 4)."""
    s = SIZES["XL"]
    shape = Shape((1, 32, 32, 4), (1, 2, 2), s.width, s.depth, s.heads, condition="class")
    assert flops.gmacs(shape) == pytest.approx(118.64, rel=0.002)

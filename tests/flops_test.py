"""Closed forms against the programs themselves."""

import dataclasses

import jax
import jax.extend
import jax.numpy as jnp
import pytest
from flax import nnx

from vdit import flops
from vdit.activations import activation_bytes
from vdit.models import dit
from vdit.sizes import Shape

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
    "label": dataclasses.replace(DEMO, condition="label", text_length=1, vocabulary=11),
    "learned variance": dataclasses.replace(DEMO, learn_sigma=True, qk_norm=False),
    "learned positions": dataclasses.replace(DEMO, positions="learned"),
    "learned positions of images": dataclasses.replace(
        DEMO, positions="learned", latent=(1, 8, 8, 4), condition="none"
    ),
    "latte": dataclasses.replace(
        DEMO, attention="interleaved", depth=4, positions="sincos", qk_norm=False, condition="none"
    ),
    "context": dataclasses.replace(DEMO, caption_by="context"),
    "adaln alone": dataclasses.replace(DEMO, caption_by="adaln"),
    "frame levels": dataclasses.replace(DEMO, frame_levels=True),
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
        jax.ShapeDtypeStruct((batch, *shape.latent[: shape.frame_levels]), jnp.float32),
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
    ends = ("patches", "caption", "output", "positions")
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


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize("name", SHAPES)
def test_kept_bytes_are_what_the_backward_pass_is_handed(name, dtype):
    """The difference between two batches: what is kept of clips, without the weights."""
    shape = dataclasses.replace(SHAPES[name], dtype=dtype, width=4 * SHAPES[name].width)
    forward, _, weights = forward_and_loss(shape)

    def kept(batch):
        inputs = arguments(shape, batch)
        _, backward = jax.eval_shape(lambda *a: jax.vjp(forward, *a), weights, *inputs)
        return sum(x.size * x.dtype.itemsize for x in jax.tree.leaves(backward))

    found = (kept(5) - kept(3)) / 2
    assert found == pytest.approx(activation_bytes(shape), rel=0.03)

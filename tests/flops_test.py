"""Closed forms against the programs themselves."""

import dataclasses
import math

import jax
import jax.extend
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from vdit.config import flops
from vdit.config.activations import activation_bytes
from vdit.config.model_config import ModelConfig
from vdit.models import dit, layers

DEMO = ModelConfig((3, 8, 8, 4), (1, 2, 2), 32, 2, 2, frequencies=64, vocabulary=30, text_length=24)
CONFIGS = {
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
    "frame timesteps": dataclasses.replace(DEMO, frame_timesteps=True),
    "unet": dataclasses.replace(DEMO, attention="unet", depth=1),
    "unet of frame timesteps": dataclasses.replace(
        DEMO, attention="unet", depth=1, frame_timesteps=True, caption_by="adaln"
    ),
    "unet of labels": dataclasses.replace(
        DEMO, attention="unet", latent=(2, 16, 32, 4), depth=1, condition="label", text_length=1
    ),
    "unet of one level": dataclasses.replace(
        DEMO, attention="unet", latent=(3, 10, 14, 4), condition="none", qk_norm=False
    ),
    "unet of images": dataclasses.replace(
        DEMO, attention="unet", latent=(1, 8, 8, 4), depth=1, learn_sigma=True, condition="class"
    ),
    "wide": dataclasses.replace(DEMO, latent=(4, 16, 16, 4), width=256, heads=4, mlp_ratio=3.0),
}


def product_flops(jaxpr) -> int:
    """FLOPs of products and convolutions in a jaxpr; a scan's body counts as often as it runs."""
    total = 0
    for eqn in jaxpr.eqns:
        if eqn.primitive.name == "dot_general":
            (contracted, _), _ = eqn.params["dimension_numbers"]
            size = math.prod(eqn.invars[0].aval.shape[axis] for axis in contracted)
            total += 2 * eqn.outvars[0].aval.size * size
        if eqn.primitive.name == "conv_general_dilated":
            total += convolution_flops(eqn)
        times = eqn.params.get("length", 1) if eqn.primitive.name == "scan" else 1
        for inner in jax.extend.core.jaxprs_in_params(eqn.params):
            total += times * product_flops(inner)
    return total


def convolution_flops(eqn) -> int:
    """2 for every pair of a number and a weight that meet: not in padding, nor between strides."""
    (x, kernel), (y,), p = (
        (v.aval.shape for v in eqn.invars),
        (eqn.outvars[0].aval.shape,),
        eqn.params,
    )
    names = p["dimension_numbers"]
    pairs = y[names.out_spec[0]] * kernel[names.rhs_spec[0]] * kernel[names.rhs_spec[1]]
    axes = zip(names.lhs_spec[2:], names.rhs_spec[2:], names.out_spec[2:], strict=True)
    for i, (axis_x, axis_k, axis_y) in enumerate(axes):
        at = np.arange(y[axis_y])[:, None] * p["window_strides"][i] - p["padding"][i][0]
        at = at + np.arange(kernel[axis_k]) * p["rhs_dilation"][i]
        last = (x[axis_x] - 1) * p["lhs_dilation"][i]
        pairs *= int(((at >= 0) & (at <= last) & (at % p["lhs_dilation"][i] == 0)).sum())
    return 2 * pairs // p["batch_group_count"]


def arguments(config: ModelConfig, batch: int):
    caption = (batch, config.text_length, *([config.text_features] if config.text_features else []))
    dtype = jnp.float32 if config.text_features else jnp.int32
    return (
        jax.ShapeDtypeStruct((batch, *config.latent), jnp.float32),
        jax.ShapeDtypeStruct((batch, *config.latent[: config.frame_timesteps]), jnp.float32),
        jax.ShapeDtypeStruct(caption, dtype),
    )


def forward_and_loss(config: ModelConfig):
    graph, weights = jax.eval_shape(lambda: nnx.split(dit.create(config, jax.random.key(0))))

    def forward(weights, *inputs):
        return nnx.merge(graph, weights)(*inputs)

    return forward, jax.grad(lambda *a: forward(*a).sum()), weights


@pytest.mark.parametrize("name", CONFIGS)
def test_closed_form_equals_the_jaxpr(name, monkeypatch):
    # Sums stay sums here: written as products with ones, as on a CPU, they are no FLOPs of a model.
    monkeypatch.setattr(layers, "sum_rows", lambda g_ND: g_ND.sum(-2))
    config, batch = CONFIGS[name], 3
    forward, gradient, weights = forward_and_loss(config)
    inputs = arguments(config, batch)
    counted = product_flops(jax.make_jaxpr(forward)(weights, *inputs).jaxpr)
    assert counted == batch * flops.forward_flops(config)
    counted = product_flops(jax.make_jaxpr(gradient)(weights, *inputs).jaxpr)
    assert counted == pytest.approx(batch * flops.training_flops(config), rel=1e-3)


@pytest.mark.parametrize("name", CONFIGS)
def test_parameters_are_counted_to_the_last_one(name):
    config = CONFIGS[name]
    weights = forward_and_loss(config)[2]
    counts = flops.count_params(config)
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


HALVES = ("demo", "latte", "context", "wide")  # what half precision changes shows in these


@pytest.mark.parametrize(
    ("name", "dtype"), [(n, "float32") for n in CONFIGS] + [(n, "bfloat16") for n in HALVES]
)
def test_kept_bytes_are_what_the_backward_pass_is_handed(name, dtype):
    """The difference between two batches: what is kept of clips, without the weights."""
    config = dataclasses.replace(CONFIGS[name], dtype=dtype, width=4 * CONFIGS[name].width)
    forward, _, weights = forward_and_loss(config)

    def kept(batch):
        inputs = arguments(config, batch)
        _, backward = jax.eval_shape(lambda *a: jax.vjp(forward, *a), weights, *inputs)
        return sum(x.size * x.dtype.itemsize for x in jax.tree.leaves(backward))

    found = (kept(5) - kept(3)) / 2
    assert found == pytest.approx(activation_bytes(config), rel=0.03)

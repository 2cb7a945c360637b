"""Lists of parts, and what is summed over them, against the programs themselves."""

import dataclasses
import math
from collections import Counter

import jax
import jax.extend
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from vdit.config import flops, parts
from vdit.config.activations import activation_bytes
from vdit.config.model_config import ModelConfig
from vdit.config.network import network
from vdit.models import dit, layers

DEMO = ModelConfig((3, 8, 8, 4), (1, 2, 2), 32, 2, 2, frequencies=64, vocabulary=30, text_length=24)
LATTE_FOR_TEXT = dataclasses.replace(DEMO, attention="latte", depth=4, positions="sincos")
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
    "latte for text": LATTE_FOR_TEXT,
    "latte of embeddings": dataclasses.replace(LATTE_FOR_TEXT, text_features=40, text_length=7),
    "context": dataclasses.replace(DEMO, caption_by="context"),
    "adaln alone": dataclasses.replace(DEMO, caption_by="adaln"),
    "frame timesteps": dataclasses.replace(DEMO, frame_timesteps=True, shape_condition=True),
    "unet": dataclasses.replace(DEMO, attention="unet", depth=1, text_length=77),
    "unet of frame timesteps": dataclasses.replace(
        DEMO, attention="unet", depth=1, frame_timesteps=True, caption_by="adaln"
    ),
    "unet of labels": dataclasses.replace(
        DEMO,
        attention="unet",
        latent=(2, 16, 32, 4),
        depth=1,
        condition="label",
        text_length=1,
        shape_condition=True,
    ),
    "unet of one level": dataclasses.replace(
        DEMO, attention="unet", latent=(3, 10, 14, 4), condition="none", qk_norm=False
    ),
    "unet of images": dataclasses.replace(
        DEMO, attention="unet", latent=(1, 8, 8, 4), depth=1, learn_sigma=True, condition="class"
    ),
    "captioner": dataclasses.replace(DEMO, attention="captioner", text_length=9, mlp_ratio=3.0),
    "wide": dataclasses.replace(DEMO, latent=(4, 16, 16, 4), width=256, heads=4, mlp_ratio=3.0),
}


def products(jaxpr, times=1):
    """(equation, how often it runs) of each product and convolution; a scan's body runs often."""
    for eqn in jaxpr.eqns:
        if eqn.primitive.name in ("dot_general", "conv_general_dilated"):
            yield eqn, times
        inside = eqn.params.get("length", 1) if eqn.primitive.name == "scan" else 1
        for inner in jax.extend.core.jaxprs_in_params(eqn.params):
            yield from products(inner, times * inside)


def product_flops(jaxpr) -> int:
    """FLOPs of all products and convolutions."""
    return sum(times * eqn_flops(eqn) for eqn, times in products(jaxpr))


def eqn_flops(eqn) -> int:
    if eqn.primitive.name == "conv_general_dilated":
        return convolution_flops(eqn)
    return 2 * eqn.outvars[0].aval.size * contracted(eqn)


def contracted(eqn) -> int:
    (axes, _), _ = eqn.params["dimension_numbers"]
    return math.prod(eqn.invars[0].aval.shape[axis] for axis in axes)


def dense_products(jaxpr) -> Counter:
    """(rows, d_in, d_out) of all products with a matrix, no batch of matrices: to how many."""
    found = Counter()
    for eqn, times in products(jaxpr):
        if eqn.primitive.name == "dot_general" and not any(eqn.params["dimension_numbers"][1]):
            *rows, d_out = eqn.outvars[0].aval.shape
            found[math.prod(rows), contracted(eqn), d_out] += times
    return found


def listed_products(config: ModelConfig, batch: int) -> Counter:
    """The same of the model's list of parts."""
    found = Counter()
    for part, repeats in network(config).parts():
        if type(part) is parts.Dense:
            found[batch * part.rows, part.d_in, part.d_out] += repeats
    return found


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
    graph, weights = dit.graph_of(config), dit.weight_shapes(config)

    def forward(weights, *inputs):
        return nnx.merge(graph, weights)(*inputs)

    return forward, jax.grad(lambda *a: forward(*a).sum()), weights


@pytest.mark.parametrize("name", CONFIGS)
def test_products_are_those_of_the_jaxpr(name, monkeypatch):
    # Sums stay sums here: written as products with ones, as on a CPU, they are no FLOPs of a model.
    monkeypatch.setattr(layers, "sum_rows", lambda g_ND: g_ND.sum(-2))
    config, batch = CONFIGS[name], 3
    forward, gradient, weights = forward_and_loss(config)
    inputs = arguments(config, batch)
    program = jax.make_jaxpr(forward)(weights, *inputs).jaxpr
    assert listed_products(config, batch) == dense_products(program)
    assert batch * flops.forward_flops(config) == product_flops(program)
    counted = product_flops(jax.make_jaxpr(gradient)(weights, *inputs).jaxpr)
    assert counted == pytest.approx(batch * flops.training_flops(config), rel=1e-3)


@pytest.mark.parametrize("name", CONFIGS)
def test_weights_are_those_of_the_network(name):
    """By path: shape, names of axes, and how many there are in a stack of layers."""
    config = CONFIGS[name]
    listed = [(w, n) for part, n in network(config).parts() for w in part.weights]
    state = dit.weight_shapes(config)
    found = {".".join(map(str, path)): w for path, w in nnx.to_flat_state(state)}
    assert sorted(w.name for w, _ in listed) == sorted(found)
    for w, n in listed:
        shape, axes = found[w.name].shape, found[w.name].get_metadata().get("out_sharding")
        assert w.shape == shape[-len(w.shape) :], w.name
        assert w.axes == (axes or (None,) * len(shape))[-len(w.shape) :], w.name
        assert n * w.size == math.prod(shape), w.name
    sizes = {name: math.prod(w.shape) for name, w in found.items()}
    ends = ("patches.", "caption.", "output.", "positions.")
    inner = {name: size for name, size in sizes.items() if not name.startswith(ends)}
    assert flops.count_params(config) == {
        "params": sum(inner.values()),
        "params_total": sum(sizes.values()),
        "params_no_adaln": sum(n for name, n in inner.items() if "modulation" not in name),
    }


def handed_bytes(config: ModelConfig, batch: int) -> int:
    """What the forward pass hands to the backward pass."""
    forward, _, weights = forward_and_loss(config)
    inputs = arguments(config, batch)
    _, backward = jax.eval_shape(lambda *a: jax.vjp(forward, *a), weights, *inputs)
    return sum(x.size * x.dtype.itemsize for x in jax.tree.leaves(backward))


HALVES = ("demo", "latte", "context", "wide")  # what half precision changes shows in these


@pytest.mark.parametrize(
    ("name", "dtype"), [(n, "float32") for n in CONFIGS] + [(n, "bfloat16") for n in HALVES]
)
def test_kept_bytes_are_what_the_backward_pass_is_handed(name, dtype):
    """The difference between two batches: what is kept of clips, without the weights."""
    config = dataclasses.replace(CONFIGS[name], dtype=dtype, width=4 * CONFIGS[name].width)
    found = (handed_bytes(config, 5) - handed_bytes(config, 3)) / 2
    assert found == pytest.approx(activation_bytes(config), rel=0.03)

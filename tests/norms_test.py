"""Norms and GELU: the gradients of the plain equations, and what a backward pass is handed."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from vdit.models import norms
from vdit.models.gelu import gelu

B, T, N, D = 3, 2, 8, 24


def plain_layer_norm(x, shift=0.0, scale=0.0):
    x = x.astype(jnp.float32)
    x = (x - x.mean(-1, keepdims=True)) / jnp.sqrt(x.var(-1, keepdims=True) + norms.EPSILON)
    return x * (1 + scale) + shift


def plain_rms_norm(x, scale):
    x = x.astype(jnp.float32)
    return x / jnp.sqrt(jnp.square(x).mean(-1, keepdims=True) + norms.EPSILON) * scale


def normal(seed, *shape):
    return 0.5 + jax.random.normal(jax.random.key(seed), shape)


def clips(x, shift, scale):
    return plain_layer_norm(x, shift[:, None], scale[:, None])


def frames(x, shift, scale):
    return plain_layer_norm(x, *(c.repeat(N // T, axis=1) for c in (shift, scale)))


X, BD, BTD = normal(0, B, N, D), (B, D), (B, T, D)
CASES = {
    "alone": (norms.layer_norm, plain_layer_norm, (X,)),
    "clips": (lambda x, *c: norms.layer_norm(x, c), clips, (X, normal(1, *BD), normal(2, *BD))),
    "frames": (lambda x, *c: norms.layer_norm(x, c), frames, (X, normal(1, *BTD), normal(2, *BTD))),
    "gelu": (gelu, jax.nn.gelu, (4 * X,)),
    "rms": (norms.rms_norm, plain_rms_norm, (normal(0, B, N, 4, 6), normal(1, 6))),
}


@pytest.mark.parametrize("name", CASES)
def test_value_and_gradients_are_those_of_the_plain_equation(name):
    norm, plain, inputs = CASES[name]
    weight = normal(9, *inputs[0].shape)
    found, expected = (
        jax.value_and_grad(lambda *a, f=f: (f(*a) * weight).sum(), tuple(range(len(inputs))))(
            *inputs
        )
        for f in (norm, plain)
    )
    for x, y in zip(jax.tree.leaves(found), jax.tree.leaves(expected), strict=True):
        np.testing.assert_allclose(x, y, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", CASES)
def test_kept_are_the_input_as_it_came_and_numbers_of_its_rows(name):
    norm, _, inputs = CASES[name]
    inputs = [x.astype(jnp.bfloat16) for x in inputs]
    kept = jax.tree.leaves(jax.eval_shape(lambda *a: jax.vjp(norm, *a)[1], *inputs))
    x, rows = inputs[0], inputs[0].size // inputs[0].shape[-1]
    whole = [(y.size, y.dtype) for y in kept if y.size > rows and y.size >= x.size]
    assert whole == [(x.size, jnp.bfloat16)]
    others = sum(y.size for y in kept) - x.size - sum(c.size for c in inputs[1:])
    assert others <= 2 * rows

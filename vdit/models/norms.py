"""Norms over the last axis, in float32, their gradients in closed form.

Differentiated line by line a norm keeps several float32 copies of its input. Here it keeps the
input, in the dtype it came in, and one or two numbers a row; the backward pass makes the rest anew.
"""

import jax
import jax.numpy as jnp
from flax import nnx
from jax.ad_checkpoint import checkpoint_name

from vdit.models import layers

Modulation = tuple[jax.Array, jax.Array]  # shift and scale, (..., D): one for N rows
EPSILON = 1e-6


def layer_norm(x_BND: jax.Array, modulation: Modulation | None = None) -> jax.Array:
    """n = (x - mean) / sqrt(variance + epsilon) (1607.06450), then n (1 + scale) + shift, if given.

    Shift and scale are the same for all tokens of a clip, (B, D), or of its frames, (B, T, D)
    (adaLN: DiT, 2212.09748).
    """
    if modulation is None:
        return _layer_norm(x_BND, None)
    return layers.by_frame(lambda x, *c: _layer_norm(x, c), x_BND, *modulation)


@jax.custom_vjp
def _layer_norm(x_ND: jax.Array, modulation: Modulation | None) -> jax.Array:
    return _layer_norm_forward(x_ND, modulation)[0]


def _layer_norm_forward(x_ND, modulation):
    x = x_ND.astype(jnp.float32)
    mean = x.mean(-1, keepdims=True)
    variance = jnp.square(x).mean(-1, keepdims=True) - jnp.square(mean)  # the tokens are read once
    rate = jax.lax.rsqrt(jnp.maximum(variance, 0) + EPSILON)
    mean, rate = checkpoint_name((mean, rate), "norm")
    y, scale_1D = (x - mean) * rate, None
    if modulation is not None:
        shift_1D, scale_1D = (c_D[..., None, :] for c_D in modulation)
        y = y * (1 + scale_1D.astype(jnp.float32)) + shift_1D
    return y.astype(x_ND.dtype), (x_ND, mean, rate, scale_1D)


def _layer_norm_backward(saved, g_ND):
    """dx = (h - mean(h) - n mean(h n)) / sqrt(variance + epsilon), with h = g (1 + scale)."""
    x_ND, mean, rate, scale_1D = saved
    h, n, gradients = g_ND.astype(jnp.float32), (x_ND.astype(jnp.float32) - mean) * rate, None
    if scale_1D is not None:
        gradients = tuple(s.astype(scale_1D.dtype) for s in layers.sums_of_rows(h, h * n))
        h = h * (1 + scale_1D.astype(jnp.float32))
    dx = (h - h.mean(-1, keepdims=True) - n * (h * n).mean(-1, keepdims=True)) * rate
    return dx.astype(x_ND.dtype), gradients


_layer_norm.defvjp(_layer_norm_forward, _layer_norm_backward)


class RMSNorm(nnx.Module):
    """`rms_norm` with a learned scale; for queries and keys."""

    def __init__(self, size: int, *, rngs: nnx.Rngs):
        self.scale = nnx.Param(jnp.ones((size,)))

    def __call__(self, x: jax.Array) -> jax.Array:
        return rms_norm(x, self.scale[...])


@jax.custom_vjp
def rms_norm(x: jax.Array, scale_E: jax.Array) -> jax.Array:
    """n scale, with n = x / sqrt(mean(x^2) + epsilon): the root-mean-square norm (1910.07467)."""
    return _rms_norm_forward(x, scale_E)[0]


def _rms_norm_forward(x, scale_E):
    y = x.astype(jnp.float32)
    rate = checkpoint_name(jax.lax.rsqrt(jnp.square(y).mean(-1, keepdims=True) + EPSILON), "norm")
    return (y * rate * scale_E).astype(x.dtype), (x, rate, scale_E)


def _rms_norm_backward(saved, g):
    """dx = (h - n mean(h n)) / sqrt(mean(x^2) + epsilon), with h = g scale."""
    x, rate, scale_E = saved
    g, n = g.astype(jnp.float32), x.astype(jnp.float32) * rate
    h = g * scale_E
    dx = (h - n * (h * n).mean(-1, keepdims=True)) * rate
    return dx.astype(x.dtype), layers.sum_all_rows(g * n)


rms_norm.defvjp(_rms_norm_forward, _rms_norm_backward)

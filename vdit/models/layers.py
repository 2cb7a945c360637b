"""The smallest parts: a dense layer with named axes, norms, modulation.

Letters of the axes, here and everywhere: B batch, T frames, H W height and width, C channels,
N tokens, S caption tokens, D width, F any other width, K heads, E head size, P numbers in a patch.
"""

import jax
import jax.numpy as jnp
from flax import nnx

Axes = tuple[str | None, str | None]


class Dense(nnx.Module):
    """y = x W + b, on rows: all leading axes become one before the product.

    On a CPU the gradient with respect to W of a (B, N, D) product runs at half the speed of the
    same product on (B N, D) rows, so the flattening stands here, once, for every layer.
    """

    def __init__(self, d_in: int, d_out: int, axes: Axes, *, rngs, init=None, dtype=None):
        init = init or nnx.initializers.xavier_uniform()
        self.kernel = nnx.Param(nnx.with_partitioning(init, axes)(rngs.params(), (d_in, d_out)))
        zeros = nnx.with_partitioning(nnx.initializers.zeros_init(), axes[1:])
        self.bias = nnx.Param(zeros(rngs.params(), (d_out,)))
        self.dtype = dtype

    def __call__(self, x: jax.Array) -> jax.Array:
        dtype = self.dtype or x.dtype
        rows = x.reshape(-1, x.shape[-1]).astype(dtype)
        y = rows @ self.kernel[...].astype(dtype)
        if self.bias is not None:
            y = add_to_rows(y[None], self.bias[...].astype(dtype)[None])[0]
        return y.reshape(*x.shape[:-1], y.shape[-1])


def zeros_dense(d_in: int, d_out: int, axes: Axes, **kwargs) -> Dense:
    """A dense layer that starts as zero: the block around it starts as the identity."""
    return Dense(d_in, d_out, axes, init=nnx.initializers.zeros_init(), **kwargs)


def layer_norm(x_BND: jax.Array, epsilon: float = 1e-6) -> jax.Array:
    """Layer norm without parameters, in float32 (modulation scales and shifts after it)."""
    x = x_BND.astype(jnp.float32)
    x -= x.mean(-1, keepdims=True)
    x *= jax.lax.rsqrt(jnp.square(x).mean(-1, keepdims=True) + epsilon)
    return x.astype(x_BND.dtype)


class RMSNorm(nnx.Module):
    """Root-mean-square norm with a learned scale (1910.07467), in float32; for queries and keys."""

    def __init__(self, size: int, *, rngs):
        self.scale = nnx.Param(jnp.ones((size,)))

    def __call__(self, x: jax.Array, epsilon: float = 1e-6) -> jax.Array:
        y = x.astype(jnp.float32)
        y *= jax.lax.rsqrt(jnp.square(y).mean(-1, keepdims=True) + epsilon)
        rows = multiply_rows(y.reshape(1, -1, y.shape[-1]), self.scale[...][None])
        return rows.reshape(y.shape).astype(x.dtype)


def sum_rows(g_BND: jax.Array) -> jax.Array:
    """(B, N, D) to (B, D). On a CPU as a product with ones, at the speed of products.

    XLA's own loops over rows took a tenth of a tiny model's training step; the barrier keeps it
    from turning the product back into such a loop.
    """
    if jax.default_backend() != "cpu":
        return g_BND.sum(1)
    ones = jax.lax.optimization_barrier(jnp.ones((len(g_BND), 1, g_BND.shape[1]), g_BND.dtype))
    return (ones @ g_BND)[:, 0]


@jax.custom_vjp
def add_to_rows(x_BND: jax.Array, c_BD: jax.Array) -> jax.Array:
    """x + c, the same c for all rows of one of B; the gradient of c is a `sum_rows`."""
    return x_BND + c_BD[:, None]


@jax.custom_vjp
def multiply_rows(x_BND: jax.Array, c_BD: jax.Array) -> jax.Array:
    """x c, the same c for all rows of one of B; the gradient of c is a `sum_rows`."""
    return x_BND * c_BD[:, None]


def _multiplied(saved, g_BND):
    x_BND, c_BD = saved
    return g_BND * c_BD[:, None], sum_rows(g_BND * x_BND)


add_to_rows.defvjp(lambda x, c: (add_to_rows(x, c), None), lambda _, g: (g, sum_rows(g)))
multiply_rows.defvjp(lambda x, c: (multiply_rows(x, c), (x, c)), _multiplied)


def times(x_BND: jax.Array, c: jax.Array) -> jax.Array:
    """x c, with c (B, D) of the clip or (B, T, D) of its frames: never written out for tokens."""
    return _by_frame(multiply_rows, x_BND, c)


def modulate(x_BND: jax.Array, shift: jax.Array, scale: jax.Array) -> jax.Array:
    """x (1 + scale) + shift, the same for all tokens of a clip or frame (DiT, 2212.09748)."""
    return _by_frame(add_to_rows, times(x_BND, 1 + scale), shift)


def _by_frame(operation, x_BND, c):
    c = c.reshape(-1, c.shape[-1])
    return operation(x_BND.reshape(len(c), -1, c.shape[-1]), c).reshape(x_BND.shape)


class MLP(nnx.Module):
    """Two dense layers with a tanh-approximated GELU between them."""

    def __init__(self, width: int, hidden: int, *, rngs, dtype=None):
        self.up = Dense(width, hidden, ("embed", "mlp"), rngs=rngs, dtype=dtype)
        self.down = Dense(hidden, width, ("mlp", "embed"), rngs=rngs, dtype=dtype)

    def __call__(self, x_BND: jax.Array) -> jax.Array:
        return self.down(jax.nn.gelu(self.up(x_BND), approximate=True))

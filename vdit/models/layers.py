"""The smallest parts: a dense layer with named axes, sums over rows, gates.

Letters of the axes, here and everywhere: B batch, T frames, H W height and width, C channels,
N tokens, S caption tokens, D width, F any other width, K heads, E head size, P numbers in a patch.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx
from jax.ad_checkpoint import checkpoint_name
from jax.typing import DTypeLike

from vdit.models.gelu import gelu
from vdit.parallel import sharding

Axes = tuple[str | None, str | None]


class Dense(nnx.Module):
    """y = x W + b, on rows: all leading axes become one before the product.

    On a CPU the gradient with respect to W of a (B, N, D) product runs at half the speed of the
    same product on (B N, D) rows, so the flattening stands here, once, for every layer. Where both
    B and N are split over devices they stay two axes: parts of both are no part of one axis, and
    the partitioner would gather all tokens to make it.
    """

    def __init__(
        self,
        d_in: int,
        d_out: int,
        axes: Axes,
        *,
        rngs: nnx.Rngs,
        init: nnx.Initializer | None = None,
        dtype: DTypeLike | None = None,
    ):
        init = init or nnx.initializers.xavier_uniform()
        self.kernel = nnx.Param(nnx.with_partitioning(init, axes)(rngs.params(), (d_in, d_out)))
        zeros = nnx.with_partitioning(nnx.initializers.zeros_init(), axes[1:])
        self.bias = nnx.Param(zeros(rngs.params(), (d_out,)))
        self.dtype, self.axes = dtype, axes

    def __call__(self, x: jax.Array) -> jax.Array:
        dtype = self.dtype or x.dtype
        y = checkpoint_name(rows_of(x).astype(dtype) @ self.kernel[...].astype(dtype), "product")
        if self.bias is not None:
            y = add_to_rows(y, self.bias[...].astype(dtype))
        y = checkpoint_name(sharding.constrain_output(y, self.axes[1]), "dense")
        return y.reshape(*x.shape[:-1], y.shape[-1])

    def split(self, x: jax.Array, n: int) -> list[jax.Array]:
        """The result as n arrays of equal width.

        Where the last axis is split over devices, a part of it is no part of each of the n:
        weights change devices then, which are fewer than what comes of them.
        """
        if sharding.parts(self.axes[1]) == 1:
            return jnp.split(self(x), n, axis=-1)
        dtype, (axis_in, axis_out) = self.dtype or x.dtype, self.axes
        kernel, bias = (
            jnp.stack(jnp.split(w[...].astype(dtype), n, axis=-1), axis=-2)
            for w in (self.kernel, self.bias)
        )
        kernel = sharding.constrain(kernel, axis_in, None, axis_out)
        y = checkpoint_name(jnp.einsum("...d,dnf->...nf", x.astype(dtype), kernel), "product")
        y = checkpoint_name(sharding.constrain_output(y + bias, axis_out), "dense")
        return list(jnp.unstack(y, axis=-2))


def zeros_dense(d_in: int, d_out: int, axes: Axes, **kwargs: Any) -> Dense:
    """A dense layer that starts as zero: the block around it starts as the identity."""
    return Dense(d_in, d_out, axes, init=nnx.initializers.zeros_init(), **kwargs)


def rows_of(x: jax.Array) -> jax.Array:
    """All leading axes as one, unless several of them are split over devices."""
    return x if sharding.parts("tokens") > 1 else x.reshape(-1, x.shape[-1])


def sum_rows(g_ND: jax.Array) -> jax.Array:
    """(..., N, D) to (..., D). On a CPU as a product with ones, at the speed of products.

    XLA's own loops over rows took a tenth of a tiny model's training step; the barrier keeps it
    from turning the product back into such a loop.
    """
    if sharding.platform() != "cpu":
        return g_ND.sum(-2)
    ones = jax.lax.optimization_barrier(jnp.ones((*g_ND.shape[:-2], 1, g_ND.shape[-2]), g_ND.dtype))
    return (ones @ g_ND)[..., 0, :]


def sums_of_rows(*parts_ND: jax.Array) -> tuple[jax.Array, ...]:
    """A `sum_rows` of each. On a GPU in one reduction, which reads what they are made of once."""
    if sharding.platform() == "cpu":
        return tuple(map(sum_rows, parts_ND))
    return tuple(jnp.unstack(sum_rows(jnp.stack(parts_ND))))


def sum_all_rows(g: jax.Array) -> jax.Array:
    """(..., D) to (D,)."""
    sums_D = sum_rows(rows_of(g))
    return sums_D.sum(tuple(range(sums_D.ndim - 1)))


def add_to_rows(x_ND: jax.Array, c_D: jax.Array) -> jax.Array:
    """(..., N, D) + (..., D), the same for N rows; the gradient of c is a `sum_rows`."""
    return _add(x_ND, c_D) if c_D.ndim == x_ND.ndim - 1 else x_ND + c_D


def multiply_rows(x_ND: jax.Array, c_D: jax.Array) -> jax.Array:
    """(..., N, D) (..., D), the same for N rows; the gradient of c is a `sum_rows`."""
    return _multiply(x_ND, c_D) if c_D.ndim == x_ND.ndim - 1 else x_ND * c_D


@jax.custom_vjp
def _add(x_ND: jax.Array, c_D: jax.Array) -> jax.Array:
    return x_ND + c_D[..., None, :]


@jax.custom_vjp
def _multiply(x_ND: jax.Array, c_D: jax.Array) -> jax.Array:
    return x_ND * c_D[..., None, :]


def _multiply_backward(
    saved: tuple[jax.Array, jax.Array], g_ND: jax.Array
) -> tuple[jax.Array, jax.Array]:
    x_ND, c_D = saved
    return g_ND * c_D[..., None, :], sum_rows(g_ND * x_ND)


_add.defvjp(lambda x, c: (_add(x, c), None), lambda _, g: (g, sum_rows(g)))
_multiply.defvjp(lambda x, c: (_multiply(x, c), (x, c)), _multiply_backward)


def scale_tokens(x_BND: jax.Array, c: jax.Array) -> jax.Array:
    """x c, with c (B, D) of the clip or (B, T, D) of its frames: never written out for tokens."""
    return by_frame(multiply_rows, x_BND, c)


def by_frame(f: Callable[..., jax.Array], x_BND: jax.Array, *c: jax.Array) -> jax.Array:
    """f(x, *c), the tokens of a frame as rows where c are one a frame, (B, T, D)."""
    return f(x_BND.reshape(*c[0].shape[:-1], -1, c[0].shape[-1]), *c).reshape(x_BND.shape)


class MLP(nnx.Module):
    """Two dense layers with a tanh-approximated GELU between them."""

    def __init__(self, width: int, hidden: int, *, rngs: nnx.Rngs, dtype: DTypeLike | None = None):
        self.up = Dense(width, hidden, ("embed", "mlp"), rngs=rngs, dtype=dtype)
        self.down = Dense(hidden, width, ("mlp", "embed"), rngs=rngs, dtype=dtype)

    def __call__(self, x_BND: jax.Array) -> jax.Array:
        return self.down(gelu(self.up(x_BND)))

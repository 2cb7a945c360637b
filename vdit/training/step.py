"""One training step: gradient, optimizer, moving average, compiled for a mesh."""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax
from flax import nnx

from vdit.errors import DivergedError
from vdit.parallel import cores, sharding
from vdit.parallel.compiler import compiler_options
from vdit.training.optimizer import OptimizerConfig


class TrainState(NamedTuple):
    """All that a step changes. `bad_step` is the first step that was not finite, or -1."""

    step: jax.Array
    params: nnx.State
    ema: nnx.State
    optimizer: Any
    key: jax.Array
    bad_step: jax.Array


def require_finite(metrics: dict) -> dict:
    """Raises `DivergedError` naming the first bad step; else the metrics as they are."""
    if (bad := int(metrics.pop("bad_step", -1))) >= 0:
        raise DivergedError(f"loss or gradient is not finite at step {bad}")
    return metrics


@functools.lru_cache(maxsize=32)
def compiled(
    loss: Callable, init: Callable, optimizer: OptimizerConfig, mesh: jax.sharding.Mesh
) -> tuple[Callable, Callable]:
    """`init` and `step`, jitted with explicit shardings; runs of one shape share them."""
    transform = optimizer.transform()

    def create(key) -> TrainState:
        key_init, key_run = jax.random.split(key)
        params = init(key_init)
        ema = jax.tree.map(jnp.copy, params)  # donated buffers must not be shared
        key = jax.random.key_data(key_run)
        return TrainState(jnp.int32(0), params, ema, transform.init(params), key, jnp.int32(-1))

    placed = sharding.tree_sharding(jax.eval_shape(lambda: create(jax.random.key(0))), mesh)
    step = functools.partial(train_step, loss=loss, optimizer=optimizer)
    rows, replicated = sharding.batch_sharding(mesh), sharding.replicated(mesh)
    created = jax.jit(create, out_shardings=placed, compiler_options=compiler_options("init"))
    return created, jax.jit(
        step,
        compiler_options=compiler_options("step"),
        in_shardings=(placed, rows, replicated, replicated),
        out_shardings=(placed, replicated),
        donate_argnums=0,
    )


def train_step(
    state: TrainState,
    batch: dict[str, jax.Array],
    rate: jax.Array,
    decay: jax.Array,
    *,
    loss: Callable,
    optimizer: OptimizerConfig,
) -> tuple[TrainState, dict[str, jax.Array]]:
    """One step on one global batch. From a step that is not finite on, the weights stay put."""
    key = jax.random.fold_in(jax.random.wrap_key_data(state.key), state.step)
    (value, metrics), gradient = _gradient(loss, state.params, batch, key, optimizer.accumulate)
    norm = optimizer.norm(gradient)
    good = jnp.isfinite(value) & jnp.isfinite(norm) & (state.bad_step < 0)
    updates, memory = optimizer.transform().update(gradient, state.optimizer, state.params)
    params = jax.tree.map(lambda w, u: w + jnp.where(good, rate * u, 0), state.params, updates)
    ema = optax.incremental_update(params, state.ema, jnp.where(good, 1 - decay, 0))
    bad_step = jnp.where(good | (state.bad_step >= 0), state.bad_step, state.step + 1)
    state = TrainState(state.step + 1, params, ema, memory, state.key, bad_step)
    return state, metrics | {"loss": value, "gradient_norm": norm, "bad_step": bad_step}


def _gradient(loss, params, batch, key, accumulate: int):
    """Loss, metrics and gradient of the batch.

    What is random is drawn for the whole of it: parts of it change no number but by rounding.
    """
    drawn = loss.draw(batch, key)
    clips = len(jax.tree.leaves(batch)[0]) // sharding.parts("batch")
    parts = accumulate * cores.parts(clips // accumulate, loss.tokens(drawn))
    of_parts = functools.partial(_mean_gradient, loss, parts)
    shared = cores.share_a_step()
    return sharding.mean_of_shards(of_parts, params, drawn) if shared else of_parts(params, drawn)


def _mean_gradient(loss, parts: int, params, drawn):
    """Means over equal parts of the clips, one after another.

    They are every n-th clip: of each, every device has as many.
    """
    grad = jax.value_and_grad(loss, has_aux=True)
    if parts == 1:
        return grad(params, drawn)
    split = jax.tree.map(lambda x: x.reshape(-1, parts, *x.shape[1:]).swapaxes(0, 1), drawn)

    def add(total, part):
        return jax.tree.map(jnp.add, total, grad(params, part)), None

    shapes = jax.eval_shape(grad, params, jax.tree.map(lambda x: x[0], split))
    zero = jax.tree.map(lambda x: jnp.zeros(x.shape, x.dtype), shapes)
    total, _ = jax.lax.scan(add, zero, split)
    return jax.tree.map(lambda x: x / parts, total)

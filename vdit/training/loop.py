"""The training loop, one for every task: it reads like the recipe.

A task says what is learned: `loss`, `init`, `records`, `validate`, `preview` (see `vdit/tasks/`).
"""

import functools
import pathlib
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax
from flax import nnx

from vdit.data import pipeline
from vdit.parallel import processes, sharding
from vdit.parallel.compiler import compiler_options
from vdit.runs import checkpoint
from vdit.training import mup, out_of_memory, trunk
from vdit.training.metrics import Clock, open_log
from vdit.training.optimizer import OptimizerConfig, ema_decays, learning_rates


class DivergedError(RuntimeError):
    """A loss or gradient that is not finite; names the step. Its checkpoint is never written."""


class TrainState(NamedTuple):
    """All that a step changes. `bad_step` is the first step that was not finite, or -1."""

    step: jax.Array
    params: nnx.State
    ema: nnx.State
    optimizer: Any
    key: jax.Array
    bad_step: jax.Array


def train(task, config, workdir: str) -> tuple["TrainState", dict]:
    """Trains to `config.steps`, from the last checkpoint if any; returns the state and timings.

    A branch (`vdit.training.trunk`) that has no checkpoint of its own begins with its trunk's.

    The state lives on `config.mesh`. Raises `InputError` for a config that does not fit the
    devices or the folder, `DivergedError` where a number stops being finite.
    """
    workdir = pathlib.Path(workdir)
    checkpoint.check_same_run(workdir, config.to_dict())
    mesh = sharding.make_mesh(config.mesh, config.batch, accumulate=config.accumulate)
    rates = learning_rates(config.optimizer, config.steps)
    decays = ema_decays(config.optimizer, config.steps)
    at = config.get("checkpoint_at", ())
    clock = Clock(task.flops_per_clip * config.batch, config.batch)
    lasting = checkpoint.checkpointer(workdir, config.keep, at)
    with jax.set_mesh(mesh), lasting as saved, out_of_memory.explained(task, config, mesh):
        state, step_fn = start(task, config, mesh)
        data = iter(pipeline.batches(task.records, config.batch, config.seed, _rows(mesh)))
        state = (
            checkpoint.restore(saved, state, data)
            or trunk.restore(config, workdir, state, data)
            or begun(task, state)
        )
        with open_log(config, workdir, int(state.step)) as log:
            for step in range(int(state.step), config.steps):
                state, metrics = step_fn(state, clock.fetch(data), rates[step], decays[step])
                clock.ran(metrics)
                done, last = step + 1, step + 1 == config.steps
                if last or _due(done, config.log_every):
                    row = require_finite(jax.device_get(metrics))
                    log.write(done, row | clock.lap() | {"lr": rates[step]})
                with clock.aside():
                    if last or done in at or _due(done, config.checkpoint_every):
                        require_finite({"bad_step": state.bad_step})
                        checkpoint.save(saved, done, state, data)
                    if _due(done, config.sample_every):
                        weights = processes.local(state.ema)
                        log.media(done, lambda w=weights, n=done: task.preview(w, n, workdir))
        return state, clock.totals()


def _due(done: int, every: int) -> bool:
    return every > 0 and done % every == 0


def _rows(mesh):
    return sharding.batch_sharding(mesh)


def require_finite(metrics: dict) -> dict:
    """Raises `DivergedError` naming the first bad step; else the metrics as they are."""
    if (bad := int(metrics.pop("bad_step", -1))) >= 0:
        raise DivergedError(f"loss or gradient is not finite at step {bad}")
    return metrics


def start(task, config, mesh) -> tuple[TrainState, Any]:
    """A new state, placed on the mesh, and the compiled step for it."""
    init, step_fn = compiled(task.loss, task.init, optimizer_config_of(config), mesh)
    return init(jax.random.key(config.seed)), step_fn


def optimizer_config_of(config) -> OptimizerConfig:
    """The optimiser that a config asks for."""
    return OptimizerConfig(
        **{k: config.optimizer[k] for k in ("name", "b1", "b2", "weight_decay", "clip", "flatten")},
        accumulate=config.accumulate,
        relative_width=mup.relative_width(config),
    )


def begun(task, state: TrainState) -> TrainState:
    """Step 0 with the weights that the task begins with; outside the programs, which runs share."""
    params = task.begin(state.params)
    if params is state.params:
        return state
    return state._replace(params=params, ema=jax.tree.map(jnp.copy, params))


@functools.lru_cache(maxsize=32)
def compiled(loss, init, recipe: OptimizerConfig, mesh):
    """`init` and `step`, jitted with explicit shardings; runs of one shape share them."""
    transform = recipe.transform()

    def create(key) -> TrainState:
        key_init, key_run = jax.random.split(key)
        params = init(key_init)
        ema = jax.tree.map(jnp.copy, params)  # donated buffers must not be shared
        key = jax.random.key_data(key_run)
        return TrainState(jnp.int32(0), params, ema, transform.init(params), key, jnp.int32(-1))

    placed = sharding.tree_sharding(jax.eval_shape(create, jax.random.key(0)), mesh)
    step = functools.partial(train_step, loss=loss, recipe=recipe)
    whole = sharding.replicated(mesh)
    init_options, step_options = compiler_options("init"), compiler_options("step")
    return jax.jit(create, out_shardings=placed, compiler_options=init_options), jax.jit(
        step,
        compiler_options=step_options,
        in_shardings=(placed, _rows(mesh), whole, whole),
        out_shardings=(placed, whole),
        donate_argnums=0,
    )


def train_step(state: TrainState, batch, rate, decay, *, loss, recipe: OptimizerConfig):
    """One step on one global batch. From a step that is not finite on, the weights stay put."""
    key = jax.random.fold_in(jax.random.wrap_key_data(state.key), state.step)
    (value, metrics), gradient = _gradient(loss, state.params, batch, key, recipe.accumulate)
    norm = recipe.norm(gradient)
    good = jnp.isfinite(value) & jnp.isfinite(norm) & (state.bad_step < 0)
    updates, optimizer = recipe.transform().update(gradient, state.optimizer, state.params)
    params = jax.tree.map(lambda w, u: w + jnp.where(good, rate * u, 0), state.params, updates)
    ema = optax.incremental_update(params, state.ema, jnp.where(good, 1 - decay, 0))
    bad_step = jnp.where(good | (state.bad_step >= 0), state.bad_step, state.step + 1)
    state = TrainState(state.step + 1, params, ema, optimizer, state.key, bad_step)
    return state, metrics | {"loss": value, "gradient_norm": norm, "bad_step": bad_step}


def _gradient(loss, params, batch, key, parts: int):
    """Loss, metrics and gradient of the batch, or their means over `parts` equal parts of it."""
    grad = jax.value_and_grad(loss, has_aux=True)
    if parts == 1:
        return grad(params, batch, key)
    split = jax.tree.map(lambda x: x.reshape(parts, -1, *x.shape[1:]), batch)
    keys = jax.random.split(key, parts)

    def add(total, part):
        return jax.tree.map(jnp.add, total, grad(params, *part)), None

    shapes = jax.eval_shape(grad, params, jax.tree.map(lambda x: x[0], split), key)
    zero = jax.tree.map(lambda x: jnp.zeros(x.shape, x.dtype), shapes)
    total, _ = jax.lax.scan(add, zero, (split, keys))
    return jax.tree.map(lambda x: x / parts, total)

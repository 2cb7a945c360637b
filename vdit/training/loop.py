"""The training loop, one for every task: it reads like the recipe. Tasks: `vdit.training.tasks`."""

import pathlib
from collections.abc import Callable
from typing import Any

import grain
import jax
import jax.numpy as jnp
from ml_collections import ConfigDict

from vdit.config import mixture, stream
from vdit.data import pipeline
from vdit.parallel import cores, processes, sharding
from vdit.runs import checkpoint, evaluations, signals
from vdit.runs.checkpointer import Checkpointer
from vdit.runs.goodput import GOODPUT
from vdit.runs.same_run import check_same_run
from vdit.training import out_of_memory, trunk
from vdit.training.clock import Clock
from vdit.training.kinds import NewestByKind
from vdit.training.metrics import Log, Silent
from vdit.training.optimizer import OptimizerConfig, ema_decays, learning_rates
from vdit.training.saving import Saving, is_due
from vdit.training.step import TrainState, compiled, require_finite
from vdit.training.tasks import Task


def train(
    task: Task, config: ConfigDict, workdir: str | pathlib.Path, log: Log | Silent
) -> tuple[TrainState, dict]:
    """Trains to `config.steps`, from the last checkpoint if any; returns the state and timings.

    A branch (`vdit.training.trunk`) that has no checkpoint of its own begins with its trunk's. The
    state lives on `config.mesh`. Raises `InputError` for a config that does not fit the devices or
    the folder, `DivergedError` where a number stops being finite.
    """
    workdir = pathlib.Path(workdir)
    check_same_run(workdir, config.to_dict(), write=processes.is_first())
    flops = task.flops_per_clip * config.batch
    devices = cores.devices(config.mesh, config.batch, flops, config.accumulate)
    mesh = sharding.make_mesh(config.mesh, config.batch, devices, config.accumulate)
    rates = learning_rates(config.optimizer, config.steps)
    decays = ema_decays(config.optimizer, config.steps)
    clock = Clock(flops, mixture.clips_per_step(config))
    checkpoints = Checkpointer(workdir, config.keep, config.get("checkpoint_at", ()))
    with (
        jax.set_mesh(mesh),
        signals.Deferral() as deferral,
        checkpoints,
        out_of_memory.explained(task, config, mesh),
    ):
        task.begin(workdir)
        state, step_fn = start(task, config, mesh)
        data = iter(batches(task, config, mesh))
        state = begun(task, config, workdir, state, data)
        saving = Saving(config, checkpoints, deferral)
        kinds = NewestByKind(config)
        with log.training(int(state.step)):
            for step in range(int(state.step), config.steps):
                state, metrics = step_fn(state, clock.fetch(data), rates[step], decays[step])
                clock.step_done(kinds.note(step, metrics))
                done = step + 1
                if done == config.steps or is_due(done, config.log_every):
                    row = require_finite(jax.device_get(kinds.row()))
                    log.write(done, row | clock.lap() | {"lr": rates[step]})
                with clock.paused():
                    if saving.is_due(done):
                        saving.save(done, state, data)
                        saving.end_if_told(done)
                    preview_and_measure(done, task, config, state, log, workdir)
        return state, clock.totals()


def batches(
    task: Task, config: ConfigDict, mesh: jax.sharding.Mesh, place: bool = True
) -> grain.IterDataset:
    """What a run trains on, step by step (`vdit.data.pipeline.batches`)."""
    rows, epochs = sharding.batch_sharding(mesh), stream.epochs_of(config.data)
    return pipeline.batches(
        task.records, config.batch, config.seed, rows, place, epochs, task.images
    )


def preview_and_measure(
    done: int,
    task: Task,
    config: ConfigDict,
    state: TrainState,
    log: Log | Silent,
    workdir: pathlib.Path,
) -> None:
    """Samples to look at, and scores, at the steps where they are due; the last step's scores are
    those of the run (`vdit.training.run`)."""
    if is_due(done, config.sample_every):
        ema = processes.local(state.ema)
        with sharding.local_mesh():
            log.media(done, lambda: task.preview(ema, done, workdir))
    if is_due(done, config.get("evaluate_every", 0)) and done < config.steps:
        require_finite({"bad_step": state.bad_step})
        log.scores(done, measure_on_the_way(task, config, state, workdir))


def measure_on_the_way(
    task: Task, config: ConfigDict, state: TrainState, workdir: pathlib.Path
) -> dict[str, float]:
    """Evaluates the weights of a step, and returns the scores; of several processes the first one
    does."""
    state = processes.local(state._replace(optimizer=None))
    if not processes.is_first():
        return {}
    step = int(state.step)
    with GOODPUT.to("measuring"), out_of_memory.measuring(config), sharding.local_mesh():
        task.evaluate(state, step, workdir)
    return evaluations.values(workdir, step)


def start(task: Task, config: ConfigDict, mesh: jax.sharding.Mesh) -> tuple[TrainState, Callable]:
    """A new state, placed on the mesh, and the compiled step for it."""
    init, step_fn = compiled(task.loss, task.init, OptimizerConfig.of(config), mesh)
    return init(jax.random.key(config.seed)), step_fn


def begun(
    task: Task, config: ConfigDict, workdir: pathlib.Path, state: TrainState, data: Any
) -> TrainState:
    """Where the run stands, and `data` moved there: its newest whole checkpoint, its trunk's, or
    step 0."""
    return (
        checkpoint.restore(workdir, state, data, config.verify)
        or trunk.restore(config, workdir, state, data)
        or initialized(task, state)
    )


def initialized(task: Task, state: TrainState) -> TrainState:
    """Step 0 with the weights that the task begins with; outside the programs, which runs share."""
    params = task.init_from(state.params)
    if params is state.params:
        return state
    return state._replace(params=params, ema=jax.tree.map(jnp.copy, params))

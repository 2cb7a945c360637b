"""What a run starts from: its programs, its data, its first weights."""

import pathlib
from collections.abc import Callable
from typing import Any

import grain
import jax
import jax.numpy as jnp
from ml_collections import ConfigDict

from vdit.config import stream
from vdit.data import pipeline
from vdit.parallel import sharding
from vdit.runs import checkpoint
from vdit.training import trunk
from vdit.training.optimizer import OptimizerConfig
from vdit.training.step import TrainState, compiled
from vdit.training.tasks import Task


def create(task: Task, config: ConfigDict, mesh: jax.sharding.Mesh) -> tuple[TrainState, Callable]:
    """A new state, placed on the mesh, and the compiled step for it."""
    init, step_fn = compiled(task.loss, task.init, OptimizerConfig.of(config), mesh)
    return init(jax.random.key(config.seed)), step_fn


def batches(
    task: Task, config: ConfigDict, mesh: jax.sharding.Mesh, place: bool = True
) -> grain.IterDataset:
    """What a run trains on, step by step (`vdit.data.pipeline.batches`)."""
    rows, epochs = sharding.batch_sharding(mesh), stream.epochs_of(config.data)
    return pipeline.batches(
        task.records, config.batch, config.seed, rows, place, epochs, task.beside
    )


def resume(
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

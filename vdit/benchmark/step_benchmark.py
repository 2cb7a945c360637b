"""The steps of a run, or of a pack, without the run: how fast they go on this machine."""

import time
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import jax
import numpy as np
from ml_collections import ConfigDict

from vdit.config import mixture
from vdit.data import pipeline
from vdit.parallel import cores, sharding
from vdit.runs.goodput import listen
from vdit.training import loop, packing
from vdit.training.optimizer import OptimizerConfig, ema_decays, learning_rates
from vdit.training.tasks import Task, make_task

WARM_STEPS = 3


class Program(NamedTuple):
    """state, metrics = step(state, next(batches), *schedule)."""

    step: Callable
    state: Any
    batches: Iterator[dict]
    schedule: tuple[np.ndarray | np.float32, ...]


def stepper(config: ConfigDict, slots: int) -> Callable[[float], tuple[int, float]]:
    """Compiles the step of a resolved config (or of a pack of so many) and warms it up.

    Returns a function that trains for about so many seconds: (steps of all slots, seconds). Nothing
    is written.
    """
    listen()
    task = make_task(config)
    flops = task.flops_per_clip * config.batch if slots == 1 else 0
    devices = cores.devices(config.mesh, config.batch, flops)
    mesh = sharding.make_mesh(config.mesh, config.batch, devices)
    with jax.set_mesh(mesh):
        program = _packed(task, config, mesh, slots) if slots > 1 else _alone(task, config, mesh)
        state = program.state
        for _ in range(WARM_STEPS + mixture.first_image_step(config.data)):
            state, metrics = program.step(state, next(program.batches), *program.schedule)
        jax.block_until_ready(metrics)
    held = [state]

    def run(seconds: float) -> tuple[int, float]:
        with jax.set_mesh(mesh):
            held[0], steps, spent = _timed(program, held[0], seconds)
        return steps * slots, spent

    return run


def _timed(program: Program, state: Any, seconds: float) -> tuple[Any, int, float]:
    """The state after as many steps as begin within so many seconds; their number, their time."""
    began, ahead, steps = time.perf_counter(), None, 0
    while time.perf_counter() - began < seconds:
        state, metrics = program.step(state, next(program.batches), *program.schedule)
        jax.block_until_ready(ahead)  # the host runs one step ahead, as in training
        ahead, steps = metrics, steps + 1
    jax.block_until_ready(ahead)
    return state, steps, time.perf_counter() - began


def _alone(task: Task, config: ConfigDict, mesh: jax.sharding.Mesh) -> Program:
    state, step = loop.start(task, config, mesh)
    where = sharding.batch_sharding(mesh)
    rows = pipeline.batches(task.records, config.batch, 0, where, images=task.images)
    return Program(step, state, iter(rows), _schedule(config))


def _packed(task: Task, config: ConfigDict, mesh: jax.sharding.Mesh, slots: int) -> Program:
    state, _ = loop.start(task, config, mesh)
    step = packing.compiled(task.loss, OptimizerConfig.of(config), mesh)
    where = sharding.batch_sharding(mesh)
    how = {"place": False, "images": task.images}
    rows = [
        iter(pipeline.batches(task.records, config.batch, seed, where, **how))
        for seed in range(slots)
    ]
    batches = (packing.stacked(batch) for batch in zip(*rows, strict=True))
    schedule = [np.full(slots, x, np.float32) for x in _schedule(config)]
    active = np.ones(slots, bool)
    return Program(step, packing.stacked([state] * slots), batches, (*schedule, active))


def _schedule(config: ConfigDict) -> tuple[np.float32, np.float32]:
    """A learning rate and the average's decay."""
    schedules = learning_rates, ema_decays
    return tuple(schedule(config.optimizer, config.steps)[0] for schedule in schedules)

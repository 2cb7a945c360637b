"""The steps of a run, or of a pack, without the run: for who measures how fast they go here."""

import time
from collections.abc import Callable

import jax
import numpy as np

from vdit import main
from vdit.data import pipeline
from vdit.parallel import sharding
from vdit.runs.goodput import listen
from vdit.training import loop, packing
from vdit.training.optimizer import ema_decays, learning_rates
from vdit.training.tasks import make_task

WARM_STEPS = 3


def stepper(config, slots: int) -> Callable[[float], tuple[int, float]]:
    """Compiles the step of a run (or of a pack of so many) and warms it up; writes nothing.

    Returns a function that trains for about so many seconds: (steps of all slots, seconds).
    """
    listen()
    config = main.resolve(config)
    task, mesh = make_task(config), sharding.make_mesh(config.mesh, config.batch)
    with jax.set_mesh(mesh):
        step, state, batches, numbers = (_alone if slots < 2 else _packed)(
            task, config, mesh, slots
        )
        for _ in range(WARM_STEPS):
            state, metrics = step(state, next(batches), *numbers)
        jax.block_until_ready(metrics)
    held = [state]

    def run(seconds: float) -> tuple[int, float]:
        began, ahead, steps = time.perf_counter(), None, 0
        with jax.set_mesh(mesh):
            while time.perf_counter() - began < seconds:
                held[0], metrics = step(held[0], next(batches), *numbers)
                jax.block_until_ready(ahead)  # the host runs one step ahead, as in training
                ahead, steps = metrics, steps + slots
        jax.block_until_ready(ahead)
        return steps, time.perf_counter() - began

    return run


def _alone(task, config, mesh, slots):
    state, step = loop.start(task, config, mesh)
    rows = pipeline.batches(task.records, config.batch, 0, sharding.batch_sharding(mesh))
    return step, state, iter(rows), _numbers(config)


def _packed(task, config, mesh, slots):
    state, _ = loop.start(task, config, mesh)
    step = packing.compiled(task.loss, loop.optimizer_config_of(config), mesh)
    where = sharding.batch_sharding(mesh)
    rows = [
        iter(pipeline.batches(task.records, config.batch, seed, where, place=False))
        for seed in range(slots)
    ]
    numbers = [np.full(slots, x, np.float32) for x in _numbers(config)]
    batches = (packing.stacked(batch) for batch in zip(*rows, strict=True))
    return step, packing.stacked([state] * slots), batches, (*numbers, np.ones(slots, bool))


def _numbers(config) -> tuple[np.float32, np.float32]:
    """A learning rate and the average's decay."""
    schedules = learning_rates, ema_decays
    return tuple(schedule(config.optimizer, config.steps)[0] for schedule in schedules)

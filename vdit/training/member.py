"""A run in training, alone or in a pack: where it stands, and what it writes after a step."""

import contextlib
import functools
import pathlib
from collections.abc import Callable

import jax
import numpy as np
from ml_collections import ConfigDict

from vdit.config import mixture
from vdit.errors import DivergedError
from vdit.parallel import processes, sharding
from vdit.runs import evaluations, signals
from vdit.runs.checkpointer import Checkpointer
from vdit.runs.goodput import GOODPUT
from vdit.training import out_of_memory
from vdit.training.clock import rates
from vdit.training.metrics import Log, Silent
from vdit.training.optimizer import ema_decays, learning_rates
from vdit.training.saving import Saving, is_due
from vdit.training.startup import batches, create, resume
from vdit.training.step import TrainState, require_finite
from vdit.training.tasks import Task

PERIODS = ("log_every", "sample_every", "evaluate_every")  # reading a ConfigDict costs 1 µs
StateOf = Callable[["Member"], TrainState]


def unless_diverged(write: Callable) -> Callable:
    """A method that does nothing once its run has diverged, and takes note where it does: the
    others of a pack go on."""

    @functools.wraps(write)
    def checked(self: "Member", *given: object) -> None:
        if self.diverged is None:
            try:
                write(self, *given)
            except DivergedError as error:
                self.diverged = error

    return checked


class Member:
    """One run: its data, schedules and checkpoints; it has taken `step` of its `steps`.

    `state` is its own, None while it is one of a stack (`vdit.training.packing`). `spent` is its
    part of what `Clock.split` counts. `files` closes what it opens; `place` is of
    `vdit.data.pipeline.batches`.
    """

    def __init__(
        self,
        task: Task,
        config: ConfigDict,
        workdir: pathlib.Path,
        log: Log | Silent,
        mesh: jax.sharding.Mesh,
        files: contextlib.ExitStack,
        deferral: signals.Deferral,
        place: bool = True,
    ):
        self.task, self.config, self.workdir, self.log = task, config, workdir, log
        self.rates = learning_rates(config.optimizer, config.steps)
        self.decays = ema_decays(config.optimizer, config.steps)
        keep = config.keep, config.get("checkpoint_at", ())
        checkpoints = files.enter_context(Checkpointer(workdir, *keep))
        task.begin(workdir)
        state, self.step_fn = create(task, config, mesh)
        self.data = iter(batches(task, config, mesh, place))
        self.state: TrainState | None = resume(task, config, workdir, state, self.data)
        self.step, self.steps = int(self.state.step), config.steps
        self.saving = Saving(config, checkpoints, deferral)
        files.enter_context(log.training(self.step))
        self.diverged: DivergedError | None = None
        self.spent = self._lap = np.zeros(4)
        self.every = {key: config.get(key, 0) for key in PERIODS}

    def trains_at(self, step: int) -> bool:
        """Whether the step after `step` steps is this run's next."""
        return self.diverged is None and self.step == step < self.steps

    @property
    def has_ended(self) -> bool:
        """Whether it has taken all its steps, and not diverged."""
        return self.diverged is None and self.step == self.steps

    @property
    def is_logged(self) -> bool:
        """Whether its last step is."""
        return self.step == self.steps or is_due(self.step, self.every["log_every"])

    @property
    def is_saved(self) -> bool:
        """Whether it is to be saved after its last step; asked once a step."""
        return self.diverged is None and self.saving.is_due(self.step)

    def add_time(self, spent: np.ndarray) -> None:
        """Books its part of the time."""
        self.spent = self.spent + spent

    @unless_diverged
    def write(self, metrics: dict) -> None:
        """Logs the metrics of its last step."""
        row = require_finite(metrics)
        speed, self._lap = self._speed(self.spent - self._lap), self.spent
        self.log.write(self.step, row | speed | {"lr": self.rates[self.step - 1]})

    @unless_diverged
    def save(self, state_of: StateOf) -> None:
        """Saves it."""
        self.saving.save(self.step, state_of(self), self.data)

    @unless_diverged
    def preview_and_measure(self, state_of: StateOf) -> None:
        """Samples to look at, and scores, if they are due; the last step's scores are those of the
        run (`vdit.training.run`)."""
        if is_due(self.step, self.every["sample_every"]):
            ema = processes.local(state_of(self).ema)
            with sharding.local_mesh():
                self.log.media(self.step, lambda: self.task.preview(ema, self.step, self.workdir))
        if is_due(self.step, self.every["evaluate_every"]) and self.step < self.steps:
            self.log.scores(self.step, self._scores(state_of(self)))

    def _scores(self, state: TrainState) -> dict[str, float]:
        """Evaluates the weights; of several processes the first one does."""
        require_finite({"bad_step": state.bad_step})
        state = processes.local(state._replace(optimizer=None))
        if not processes.is_first():
            return {}
        with GOODPUT.to("measuring"), out_of_memory.measuring(self.config), sharding.local_mesh():
            self.task.evaluate(state, self.step, self.workdir)
        return evaluations.values(self.workdir, self.step)

    def timing(self) -> dict[str, float]:
        """Columns of its time; none where a resumed run had no step left."""
        _, seconds, _, compile_s = map(float, self.spent)
        if not seconds:
            return {}
        return self._speed(self.spent) | {"compile_s": compile_s, "wall_s": seconds + compile_s}

    def _speed(self, spent: np.ndarray) -> dict[str, float]:
        flops = self.task.flops_per_clip * self.config.batch
        return rates(flops, mixture.clips_per_step(self.config), *map(float, spent[:3]))

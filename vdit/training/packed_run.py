"""One run of a pack: its folder, its data, its schedule, its checkpoints, as if it ran alone."""

import contextlib
import pathlib
import time
from typing import Any

import jax
import numpy as np
from ml_collections import ConfigDict

from vdit.config import mixture
from vdit.runs import folder, signals
from vdit.runs.checkpointer import Checkpointer
from vdit.runs.goodput import GOODPUT
from vdit.runs.same_run import check_same_run
from vdit.training import loop, slots
from vdit.training.clock import rates
from vdit.training.metrics import open_log
from vdit.training.optimizer import OptimizerConfig, ema_decays, learning_rates
from vdit.training.overview import describe
from vdit.training.run import measure
from vdit.training.saving import Saving, is_due
from vdit.training.step import DivergedError, TrainState, require_finite
from vdit.training.tasks import make_task


class PackedRun:
    """A run in a slot of a pack.

    `step` is where it stands, `state` its own, unstacked, before the pack begins and between its
    stages, `end` its row of the results table or why it has none, once it has ended.
    """

    def __init__(
        self,
        config: ConfigDict,
        workdir: pathlib.Path,
        pack: list[tuple[str, int]],
        mesh: jax.sharding.Mesh,
        files: contextlib.ExitStack,
        deferral: signals.Deferral,
    ):
        self.config, self.workdir, self.pack = config, workdir, pack
        check_same_run(workdir, config.to_dict(), write=True)
        self.task, self.optimizer = make_task(config), OptimizerConfig.of(config)
        describe(self.task, workdir)
        self.task.begin(workdir)
        self.rates = learning_rates(config.optimizer, config.steps)
        self.decays = ema_decays(config.optimizer, config.steps)
        checkpoints = files.enter_context(Checkpointer(workdir, config.keep))
        self.saving, self._saves = Saving(config, checkpoints, deferral), False
        self.data = iter(loop.batches(self.task, config, mesh, place=False))
        state, _ = loop.start(self.task, config, mesh)
        self._shardings = jax.tree.map(lambda x: x.sharding, state)
        self.state = loop.begun(self.task, config, workdir, state, self.data)
        self.step = int(self.state.step)
        slots.record_mode(workdir, "packed", pack)
        self.log = files.enter_context(open_log(config, workdir))
        files.enter_context(self.log.training(self.step))
        self.end: dict | DivergedError | None = None
        self.started = time.time()
        self._spent = self._lap = np.zeros(4)  # steps timed, and what `Clock.split` counts

    def program(self) -> dict[str, Any]:
        """All that the compiled step depends on."""
        rows = self.task.records.rows(np.arange(1))
        return {
            "loss": self.task.loss,
            "weights": self.task.init,
            "optimizer": self.optimizer,
            "batch": self.config.batch,
            "data": {name: (x.shape, x.dtype) for name, x in rows.items()},
            "image_share": self.task.images and self.task.images.share,
        }

    def trains_at(self, tick: int) -> bool:
        """Whether the step after `tick` steps is this run's next."""
        return self.end is None and self.step == tick < self.config.steps

    def step_done(self, timed: bool, seconds: np.ndarray) -> None:
        """Counts a step, and the run's share of what the pack's clock counted for it."""
        self.step += 1
        self._spent = self._spent + np.append(float(timed), seconds)

    def is_due(self) -> bool:
        """Whether there is something to write after this step; asked once a step."""
        self._saves = self.saving.is_due(self.step)
        return self.needs_state() or self._falls("log_every")

    def needs_state(self) -> bool:
        """Whether the state is needed for it."""
        return self._saves or any(self._falls(key) for key in ("sample_every", "evaluate_every"))

    @property
    def _is_last(self) -> bool:
        return self.step == self.config.steps

    def _falls(self, key: str) -> bool:
        return is_due(self.step, self.config.get(key, 0))

    def on_step(self, metrics: dict, state: TrainState | None) -> None:
        """Writes what is due after this step, and ends where it was the last or diverged."""
        try:
            if self._is_last or self._falls("log_every"):
                row = require_finite(metrics)
                lr = {"lr": self.rates[self.step - 1]}
                self.log.write(self.step, row | self._rates(self._spent - self._lap) | lr)
                self._lap = self._spent
            if self._saves:
                self.saving.save(self.step, self._placed(state), self.data)
            if self._falls("evaluate_every") and not self._is_last:
                require_finite({"bad_step": state.bad_step})
                placed = self._placed(state)
                found = loop.measure_on_the_way(self.task, self.config, placed, self.workdir)
                self.log.scores(self.step, found)
        except DivergedError as error:
            self.end = error
            return
        if self._falls("sample_every"):
            ema = self._placed(state).ema
            self.log.media(self.step, lambda: self.task.preview(ema, self.step, self.workdir))
        if self._is_last:
            self.finish(state)

    def finish(self, state: TrainState) -> None:
        """Measures the run and writes its result."""
        _, seconds, _, compile_s = map(float, self._spent)
        columns = self._rates(self._spent) | {"mode": "packed", "pack": len(self.pack)}
        columns |= {"compile_s": compile_s, "wall_s": seconds + compile_s}
        columns |= {"started": self.started, "whole_s": seconds + compile_s}
        state = self._placed(state)._replace(optimizer=None)
        with GOODPUT.to("measuring"):
            measure(self.task, self.config, state, columns, self.workdir, self.log)
        self.end = folder.read_result(self.workdir)

    def _rates(self, spent: np.ndarray) -> dict[str, float]:
        flops = self.task.flops_per_clip * self.config.batch
        return rates(flops, mixture.clips_per_step(self.config), *map(float, spent[:3]))

    def _placed(self, state: TrainState) -> TrainState:
        """A state that was fetched, back on the device, as an unpacked run has it."""
        return jax.tree.map(jax.device_put, state, self._shardings)

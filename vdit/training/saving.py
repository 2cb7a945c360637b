"""When a run is saved: every so many steps or seconds, at its end, and before it is told to end."""

import sys
import time
from collections.abc import Callable
from typing import Any

from ml_collections import ConfigDict

from vdit.parallel import processes
from vdit.runs import signals
from vdit.runs.checkpointer import Checkpointer
from vdit.training.step import TrainState, require_finite


def is_due(done: int, every: int) -> bool:
    """Whether something that is done `every` so many steps (0: never) falls to this step."""
    return every > 0 and done % every == 0


class Saving:
    """Saves one run by `checkpoint_every`, `checkpoint_every_s` (0: never) and `checkpoint_at`.

    `deferral` holds the signals that come in a step. Several processes agree on them, and on whose
    clock runs out, at the steps that are logged.
    """

    def __init__(
        self,
        config: ConfigDict,
        checkpoints: Checkpointer,
        deferral: signals.Deferral,
        clock: Callable[[], float] = time.monotonic,
    ):
        self._checkpoints, self._deferral, self._clock = checkpoints, deferral, clock
        # Read once: from a ConfigDict each takes a microsecond of every step.
        self._planned = {config.steps, *config.get("checkpoint_at", ())}
        self._every, self._every_s = config.checkpoint_every, config.checkpoint_every_s
        self._log_every = config.log_every
        self._saved_at, self._is_ending = clock(), False

    def is_due(self, done: int) -> bool:
        """Whether the state after so many steps is to be saved."""
        self._deferral.begin()  # there is a step to lose now
        if processes.is_alone() or is_due(done, self._log_every):
            self._is_ending = processes.any_says(self._deferral.asked)
            late = processes.any_says(self._is_late())
        else:
            late = False
        planned = done in self._planned or is_due(done, self._every)
        return planned or late or self._is_ending

    def save(self, done: int, state: TrainState, data: Any) -> None:
        """Writes the checkpoint of a step; `DivergedError` where its numbers are not finite."""
        require_finite({"bad_step": state.bad_step})
        self._checkpoints.save(done, state, data)
        self._saved_at = self._clock()

    def end_if_told(self, done: int) -> None:
        """Raises `signals.Stopped` where this run's processes were told to end."""
        if self._is_ending:
            self._checkpoints.wait()
            if processes.is_first():
                print(
                    f"step {done} is saved; the same command goes on", file=sys.stderr, flush=True
                )
            signals.stop()

    def _is_late(self) -> bool:
        return 0 < self._every_s <= self._clock() - self._saved_at

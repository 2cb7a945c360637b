"""The seconds of training: steps, compiling, waiting for data, pauses; and what rates follow."""

import contextlib
import time
from collections.abc import Iterator
from typing import Any

import jax
import numpy as np

from vdit.parallel.peak_flops import peak_flops
from vdit.runs.goodput import GOODPUT


class Clock:
    """Seconds of training: the first step of each shape apart (it compiles), waiting, pauses.

    The host runs one step ahead of the device and no more. A fetch counts as waiting, all of it, if
    the device had ended its last step by then.
    """

    def __init__(self) -> None:
        self.compile_s = self.waited = self.paused_s = 0.0
        self.steps = self.timed = 0
        self.compiled = True  # whether the last step did
        self._shapes: set[tuple] = set()
        self.began = time.perf_counter()
        self._ahead = None
        self._split = (0, 0.0, 0.0, 0.0)

    def fetch(self, data: Iterator[Any]) -> Any:
        """The next batch."""
        began = time.perf_counter()
        batch = next(data)
        if self._ahead is None or all(x.is_ready() for x in jax.tree.leaves(self._ahead)):
            self.waited += (waited := time.perf_counter() - began)
            GOODPUT.move("waiting", waited)
        shapes = tuple(np.shape(x) for x in jax.tree.leaves(batch))
        self.compiled = shapes not in self._shapes
        self._shapes.add(shapes)
        self._fetched = time.perf_counter()
        return batch

    def step_done(self, metrics: Any) -> None:
        """A step was started; waits for the one before it, or, where it compiles, for itself."""
        jax.block_until_ready(metrics if self.compiled else self._ahead)
        self._ahead = metrics
        if not self.steps:
            self.compile_s = time.perf_counter() - self.began
            self.began, self.waited, self.paused_s = time.perf_counter(), 0.0, 0.0
        elif self.compiled:
            self.compile_s += (spent := time.perf_counter() - self._fetched)
            self.paused_s += spent
        self.steps += 1
        self.timed += not self.compiled

    @contextlib.contextmanager
    def paused(self) -> Iterator[None]:
        """Work beside training."""
        began = time.perf_counter()
        with GOODPUT.to("saving"):
            yield
        self.paused_s += time.perf_counter() - began

    def split(self, runs: int = 1) -> np.ndarray:
        """Since the last call: timed steps, and of each of so many runs the part of the seconds,
        pauses left out: in all, waiting for data, and beside these compiling."""
        seconds = time.perf_counter() - self.began - self.paused_s
        now = self.timed, seconds, self.waited, self.compile_s
        last, self._split = self._split, now
        steps, *parts = (new - old for new, old in zip(now, last, strict=True))
        return np.array([steps, *(part / runs for part in parts)])


def rates(
    flops_per_step: float, batch: float, steps: int, seconds: float, waited: float
) -> dict[str, float]:
    """Columns of the speed of so many steps in so many seconds; none of no step.

    `step_s` is the mean time of a step that did not compile; `data_wait` the share of the time, at
    most, in which the device stood idle for want of a batch.
    """
    if steps < 1 or seconds <= 0:
        return {}
    step_s = seconds / steps
    return {
        "step_s": step_s,
        "clips_per_s": batch / step_s,
        "mfu": flops_per_step / step_s / peak_flops(),
        "data_wait": waited / seconds,
    }

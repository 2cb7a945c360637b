"""The seconds of a run: steps, compiling, waiting for data, pauses; and what rates follow."""

import contextlib
import time
from collections.abc import Iterator
from typing import Any

import jax
import numpy as np

from vdit.parallel.peak_flops import peak_flops
from vdit.runs.goodput import GOODPUT


class Clock:
    """Seconds of a run: the first step of each shape apart (it compiles), waiting, pauses.

    `step_s` is the mean time of the other steps, pauses (checkpoints, samples) left out. The host
    runs one step ahead of the device and no more. A fetch counts as waiting, all of it, if the
    device had ended its last step by then: `data_wait` is the share of the time, at most, in which
    the device stood idle for want of a batch.
    """

    def __init__(self, flops_per_step: float, batch: float):
        self.flops_per_step, self.batch = flops_per_step, batch
        self.compile_s = self.waited = self.paused_s = 0.0
        self.steps = self.timed = 0
        self.compiled = True  # whether the last step did
        self._shapes: set[tuple] = set()
        self.began = time.perf_counter()
        self._ahead = None
        self._lap = (0, 0.0, 0.0)
        self._split = np.zeros(3)

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

    def lap(self) -> dict[str, float]:
        """Rates since the last lap."""
        steps, seconds, waited = self._lap
        self._lap = (self.timed, self._seconds(), self.waited)
        return self._rates(self.timed - steps, self._lap[1] - seconds, self.waited - waited)

    def split(self) -> np.ndarray:
        """Seconds since the last call, at least one step ago: in all, waiting for data, compiling.

        For who shares the clock's steps among several runs.
        """
        last, self._split = self._split, np.array([self._seconds(), self.waited, self.compile_s])
        return self._split - last

    def totals(self) -> dict[str, float]:
        """Means over the run so far; no rates where a resumed run had no step left."""
        jax.block_until_ready(self._ahead)
        rates = self._rates(self.timed, self._seconds(), self.waited)
        return rates | {"compile_s": self.compile_s, "wall_s": self._seconds() + self.compile_s}

    def _seconds(self) -> float:
        return time.perf_counter() - self.began - self.paused_s

    def _rates(self, steps: int, seconds: float, waited: float) -> dict[str, float]:
        return rates(self.flops_per_step, self.batch, steps, seconds, waited)


def rates(
    flops_per_step: float, batch: float, steps: int, seconds: float, waited: float
) -> dict[str, float]:
    """Columns of the speed of so many steps in so many seconds; none of no step."""
    if steps < 1 or seconds <= 0:
        return {}
    step_s = seconds / steps
    return {
        "step_s": step_s,
        "clips_per_s": batch / step_s,
        "mfu": flops_per_step / step_s / peak_flops(),
        "data_wait": waited / seconds,
    }

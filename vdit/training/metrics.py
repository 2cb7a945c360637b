"""What is written while a run learns: metrics.jsonl, a bar, TensorBoard, Weights & Biases."""

import contextlib
import importlib.util
import json
import pathlib
import time
from collections.abc import Callable, Iterator
from typing import Any

import jax
import numpy as np
from ml_collections import ConfigDict
from tqdm import tqdm

from vdit.data.media import write_video
from vdit.parallel import processes
from vdit.parallel.peak_flops import peak_flops
from vdit.runs.goodput import GOODPUT


class Clock:
    """Seconds of a run: the first step apart (it compiles), waiting for data, pauses.

    `step_s` is the mean time of a step after the first, pauses (checkpoints, samples) left
    out. The host runs one step ahead of the device and no more. A fetch counts as waiting, all of
    it, if the device had ended its last step by then: `data_wait` is the share of the time, at
    most, in which the device stood idle for want of a batch.
    """

    def __init__(self, flops_per_step: float, batch: int):
        self.flops_per_step, self.batch = flops_per_step, batch
        self.compile_s = self.waited = self.paused_s = 0.0
        self.steps = 0
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
        return batch

    def step_done(self, metrics: Any) -> None:
        """A step was started; waits for the one before it, or, at the first, for itself."""
        jax.block_until_ready(self._ahead if self.steps else metrics)
        self._ahead = metrics
        if not self.steps:
            self.compile_s = time.perf_counter() - self.began
            self.began, self.waited, self.paused_s = time.perf_counter(), 0.0, 0.0
        self.steps += 1

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
        self._lap = (self.steps, self._seconds(), self.waited)
        return self._rates(self.steps - max(steps, 1), self._lap[1] - seconds, self.waited - waited)

    def split(self) -> np.ndarray:
        """Seconds since the last call, at least one step ago: in all, waiting for data, compiling.

        For who shares the clock's steps among several runs.
        """
        last, self._split = self._split, np.array([self._seconds(), self.waited, self.compile_s])
        return self._split - last

    def totals(self) -> dict[str, float]:
        """Means over the run so far; no rates where a resumed run had no step left."""
        jax.block_until_ready(self._ahead)
        rates = self._rates(self.steps - 1, self._seconds(), self.waited)
        return rates | {"compile_s": self.compile_s, "wall_s": self._seconds() + self.compile_s}

    def _seconds(self) -> float:
        return time.perf_counter() - self.began - self.paused_s

    def _rates(self, steps: int, seconds: float, waited: float) -> dict[str, float]:
        return rates(self.flops_per_step, self.batch, steps, seconds, waited)


def rates(
    flops_per_step: float, batch: int, steps: int, seconds: float, waited: float
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


class Log:
    """Rows of numbers to every writer there is; `media` shows pictures of the same folder.

    A run that was begun before says in a line at which step it goes on: what lies between that and
    the line before was trained in vain.
    """

    def __init__(self, config: ConfigDict, workdir: pathlib.Path, step: int):
        self._file = (workdir / "metrics.jsonl").open("a")
        if step or self._file.tell():
            self._line({"step": step, "resumed": True})
        self._bar = tqdm(total=config.steps, initial=step, unit="step", desc=workdir.name)
        self._writers = [make(config, workdir) for make in (_tensorboard, _wandb)]

    def write(self, step: int, row: dict) -> None:
        """One line of metrics.jsonl, flushed: a killed run keeps what it said."""
        row = {k: float(v) for k, v in row.items()}
        self._line({"step": step} | row)
        self._bar.set_postfix(loss=f"{row['loss']:.4f}", refresh=False)
        self._bar.update(step - self._bar.n)
        for writer in filter(None, self._writers):
            writer.scalars(step, row)

    def _line(self, row: dict) -> None:
        self._file.write(json.dumps(row | {"time": time.time()}) + "\n")
        self._file.flush()

    def media(self, step: int, preview: Callable[[], np.ndarray]) -> None:
        """Makes a preview, uint8 videos (B, T, H, W, 3), and shows it."""
        videos = preview()
        for writer in filter(None, self._writers):
            writer.videos(step, videos)

    def evaluation(self, evaluate: Callable[..., dict], *args: Any) -> None:
        """Measures a checkpoint; only one of several processes does."""
        evaluate(*args)

    def close(self) -> None:
        for writer in filter(None, self._writers):
            writer.close()
        self._bar.close()
        self._file.close()


class _Silent:
    """The log of a process that does not write."""

    def write(self, step: int, row: dict) -> None: ...

    def media(self, step: int, preview: Callable[[], np.ndarray]) -> None: ...

    def evaluation(self, evaluate: Callable[..., dict], *args: Any) -> None: ...

    def close(self) -> None: ...


@contextlib.contextmanager
def open_log(config: ConfigDict, workdir: pathlib.Path, step: int) -> Iterator["Log | _Silent"]:
    """A `Log` that is closed however the run ends; of several processes only the first writes."""
    log = Log(config, workdir, step) if processes.is_first() else _Silent()
    try:
        yield log
    finally:
        log.close()


class _Tensorboard:
    def __init__(self, workdir):
        from clu import metric_writers

        self._writer = metric_writers.SummaryWriter(str(workdir / "tensorboard"))

    def scalars(self, step, row):
        self._writer.write_scalars(step, row)

    def videos(self, step, videos):
        self._writer.write_videos(step, {"samples": videos})

    def close(self):
        self._writer.close()


class _Wandb:
    def __init__(self, config, workdir):
        import wandb

        self._wandb, self._gif = wandb, workdir / "samples" / "latest.gif"
        self._run = wandb.init(project="vdit", dir=str(workdir), config=config.to_dict())

    def scalars(self, step, row):
        self._run.log(row, step=step)

    def videos(self, step, videos):
        write_video(self._gif, np.concatenate(list(videos), axis=2))  # side by side
        self._run.log({"samples": self._wandb.Video(str(self._gif), format="gif")}, step=step)

    def close(self):
        self._run.finish()


def _tensorboard(config, workdir):
    """TensorBoard where its extra is installed, else nothing."""
    here = all(importlib.util.find_spec(name) for name in ("tensorflow", "tensorboard"))
    return _Tensorboard(workdir) if here else None


def _wandb(config, workdir):
    """Weights & Biases where the config asks for it; WANDB_MODE=offline needs no network."""
    return _Wandb(config, workdir) if config.wandb else None

"""What is written while a run learns: metrics.jsonl, a bar, TensorBoard, Weights & Biases."""

import contextlib
import importlib.util
import pathlib
import sys
import time
from collections.abc import Callable, Iterator, Mapping

import numpy as np
from ml_collections import ConfigDict
from tqdm import tqdm

from vdit.config.fingerprint import fingerprint
from vdit.data.media import write_video
from vdit.parallel import processes
from vdit.runs.files import JsonLines, read_json_lines
from vdit.training.spikes import MARK, Spikes

LOSSES = ("loss", "loss_images")  # of clips, and of images beside them


class Log:
    """Rows of numbers to every writer there is; `media` shows pictures of the same folder."""

    def __init__(self, config: ConfigDict, workdir: pathlib.Path):
        self._steps, self._path = config.steps, workdir / "metrics.jsonl"
        self._file = JsonLines(self._path)
        made = (make(config, workdir) for make in (_tensorboard, _wandb))
        self._writers = [writer for writer in made if writer]

    @contextlib.contextmanager
    def training(self, step: int) -> Iterator[None]:
        """Within it steps are written, from `step` on, and a bar shows them.

        A run that was begun before says in a line at which step it goes on: what lies between that
        and the line before was trained in vain.
        """
        if step or self._file.size:
            self._line({"step": step, "resumed": True})
        self._spikes = Spikes(read_json_lines(self._path).rows)
        name = self._path.parent.name
        with tqdm(total=self._steps, initial=step, unit="step", desc=name) as self._bar:
            yield

    def write(self, step: int, row: dict) -> None:
        """One line of metrics.jsonl, flushed: a killed run keeps what it said. Where the loss
        begins to spike, it is marked and said."""
        row = {k: float(v) for k, v in row.items()}
        spike = "loss" in row and self._spikes.begins(row["loss"])
        self._line({"step": step} | row | ({MARK: True} if spike else {}))
        if spike:
            line = f"step {step}: the loss spikes, to {row['loss']:.4g}"
            self._bar.write(line, file=sys.stderr)
        losses = {name: f"{x:.4f}" for name, x in row.items() if name in LOSSES}
        self._bar.set_postfix(losses, refresh=False)
        self._bar.update(step - self._bar.n)
        for writer in self._writers:
            writer.write_scalars(step, row)

    def _line(self, row: dict) -> None:
        self._file.write(row | {"time": time.time()})

    def scores(self, step: int, values: Mapping[str, float]) -> None:
        """What evaluators measured of a step, under scores/NAME. They are no line of metrics.jsonl:
        evaluations/STEP.json has them."""
        for writer in self._writers:
            writer.write_scalars(step, {f"scores/{name}": value for name, value in values.items()})

    def media(self, step: int, preview: Callable[[], np.ndarray]) -> None:
        """Makes a preview, uint8 videos (B, T, H, W, 3), and shows it."""
        videos = preview()
        for writer in self._writers:
            writer.write_videos(step, {"samples": videos})

    def close(self) -> None:
        for writer in self._writers:
            writer.close()
        self._file.close()


class Silent:
    """The log of a process that does not write."""

    def training(self, step: int) -> contextlib.AbstractContextManager[None]:
        return contextlib.nullcontext()

    def write(self, step: int, row: dict) -> None: ...

    def scores(self, step: int, values: Mapping[str, float]) -> None: ...

    def media(self, step: int, preview: Callable[[], np.ndarray]) -> None: ...

    def close(self) -> None: ...


@contextlib.contextmanager
def open_log(config: ConfigDict, workdir: pathlib.Path) -> Iterator["Log | Silent"]:
    """A `Log` that is closed however the run ends; of several processes only the first writes."""
    log = Log(config, workdir) if processes.is_first() else Silent()
    try:
        yield log
    finally:
        log.close()


class _Wandb:
    """Writes as those of `clu.metric_writers` do. A run that is gone on with is the same run there:
    its id is the run's own."""

    def __init__(self, config, workdir):
        import wandb

        self._wandb, self._gif = wandb, workdir / "samples" / "latest.gif"
        about = {"config": config.to_dict(), "dir": str(workdir)}
        name = fingerprint(config)
        self._run = wandb.init(project="vdit", id=name, resume="allow", **about)

    def write_scalars(self, step, row):
        self._run.log(row, step=step)

    def write_videos(self, step, videos):
        for name, batch in videos.items():
            write_video(self._gif, np.concatenate(list(batch), axis=2))  # side by side
            self._run.log({name: self._wandb.Video(str(self._gif), format="gif")}, step=step)

    def close(self):
        self._run.finish()


def _tensorboard(config, workdir):
    """TensorBoard where its extra is installed, else nothing."""
    if not all(importlib.util.find_spec(name) for name in ("tensorflow", "tensorboard")):
        return None
    from clu import metric_writers

    return metric_writers.SummaryWriter(str(workdir / "tensorboard"))


def _wandb(config, workdir):
    """Weights & Biases where the config asks for it; WANDB_MODE=offline needs no network."""
    return _Wandb(config, workdir) if config.wandb else None

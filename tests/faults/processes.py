"""Real runs in processes of their own, to be killed, stopped and gone on with."""

import pathlib
import time
from collections.abc import Callable

import jax
import numpy as np
from orbax.checkpoint.experimental import v1 as ocp

from tests import forks
from tests.tiny import ROOT, config, environment, flags, trained
from vdit.runs import checkpoint
from vdit.runs.files import read_json_lines
from vdit.runs.folder import read_result, steps_saved

# Many steps and checkpoints, and nothing else that takes time.
LONG = {"steps": 80, "batch": 2, "sample_every": 0, "model.depth": 1, "keep": 2}
LONG |= {"validation.triples": 10, "sampling.steps": 1, "data.train_clips": 16}


def start(command: list[str], log: pathlib.Path) -> forks.Fork:
    """A Python process in the repository's root; what it prints goes to `log`."""
    return forks.start(command, ROOT, environment(1) | {"TQDM_DISABLE": "1"}, log)


def train(tmp: pathlib.Path, workdir: pathlib.Path, **more) -> forks.Fork:
    """`python -m vdit.main` on a long tiny run."""
    command = ["-m", "vdit.main", *flags(tmp, workdir, **LONG | more)]
    return start(command, workdir.with_suffix(".log"))


def unbroken(tmp: pathlib.Path, workdir: pathlib.Path, **more) -> None:
    """The same run in this process, from its start to its end."""
    trained(config(tmp, **LONG | more), workdir)


def wait_until(is_so: Callable[[], bool], process: forks.Fork, poll_s: float = 0.02) -> bool:
    """Whether it became so before the process ended."""
    while not (so := is_so()) and process.poll() is None:
        time.sleep(poll_s)
    return so


def last_step(workdir: pathlib.Path) -> int:
    """The last step that metrics.jsonl tells of; every step is logged."""
    rows = read_json_lines(workdir / "metrics.jsonl").rows
    return rows[-1]["step"] if rows else 0


def arrays(workdir: pathlib.Path) -> dict[str, np.ndarray]:
    """Every array of a run's last checkpoint, by name: weights, average, optimiser, key, step."""
    folder = workdir / "checkpoints" / str(steps_saved(workdir)[-1])
    found = ocp.checkpointables_metadata(folder).metadata
    parts = {p: jax.tree.map(checkpoint._on_one, found[p]) for p in ("weights", "training")}
    loaded = ocp.load_checkpointables(folder, parts)
    return {k: np.asarray(x) for part in loaded.values() for k, x in part.items()}


def same_bits(one: pathlib.Path, other: pathlib.Path) -> bool:
    """Whether two runs ended in the same state and the same loss."""
    first, second = arrays(one), arrays(other)
    losses = [read_result(folder)["loss"] for folder in (one, other)]
    return first.keys() == second.keys() and all(
        [losses[0] == losses[1], *(first[n].tobytes() == second[n].tobytes() for n in first)]
    )

"""Writing a run's checkpoints: each appears, with the digests of its files, when it is whole."""

import concurrent.futures
import errno
import os
import pathlib
import shutil
from collections.abc import Sequence
from typing import Any

import jax
from orbax.checkpoint.experimental import v1 as ocp

from vdit.parallel import processes
from vdit.runs import digests
from vdit.runs.checkpoint import parts_of
from vdit.runs.files import sync
from vdit.runs.folder import CHECKPOINTS, steps_saved


class Checkpointer:
    """Writes a run's checkpoints; keeps the latest `keep` and those of the steps `at`.

    On a CPU `save` waits, elsewhere it writes in the background what the host has copied, and a
    full disk is told by the next `save` or at the end. Either way those before stay until the new
    one is whole. What a killed process left half-written or half-deleted is swept at the start.
    """

    def __init__(self, workdir: str | pathlib.Path, keep: int = 1, at: Sequence[int] = ()):
        self._folder = pathlib.Path(workdir).resolve() / CHECKPOINTS
        self._keep, self._at = keep, set(at)
        self._pool = concurrent.futures.ThreadPoolExecutor(1)
        self._writing: concurrent.futures.Future | None = None

    def __enter__(self) -> "Checkpointer":
        if processes.is_first():
            for left in self._folder.glob(".*"):
                shutil.rmtree(left)
            self._folder.mkdir(parents=True, exist_ok=True)
        processes.wait("checkpoints")
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self.wait()
        finally:
            self._pool.shutdown()

    def save(self, step: int, state: Any, iterator: Any) -> None:
        """Writes the checkpoint of a step, unless it is there."""
        self.wait()
        if (self._folder / str(step)).exists():
            return
        weights, training = parts_of(state)
        _require_space(self._folder, state)
        parts = {"weights": weights, "training": training, "data": iterator}
        part = self._folder / f".{step}"
        if processes.is_first():  # of a save that failed; Orbax waits minutes for what is there
            shutil.rmtree(part, ignore_errors=True)
        written = ocp.save_checkpointables_async(part, parts)
        self._writing = self._pool.submit(self._commit, written, part, step)
        if _waits():
            self.wait()

    def wait(self) -> None:
        """Returns when what was saved is whole; raises, once, what it failed of."""
        writing, self._writing = self._writing, None
        if writing:
            writing.result()

    def _commit(self, written: Any, part: pathlib.Path, step: int) -> None:
        written.result()
        if processes.is_first():
            digests.write(part)
            _sync_all(part)
            part.rename(self._folder / str(step))
            sync(self._folder)
            self._prune()

    def _prune(self) -> None:
        """Renamed first: of a checkpoint that is being deleted no half has its name."""
        saved = steps_saved(self._folder.parent)
        for step in set(saved[: -self._keep]) - self._at:
            hidden = self._folder / f".deleted.{step}"
            (self._folder / str(step)).rename(hidden)
            shutil.rmtree(hidden)


def _require_space(folder: pathlib.Path, state: Any) -> None:
    """A checkpoint that has no room is not begun: TensorStore would tell of every array of it."""
    if shutil.disk_usage(folder).free < sum(x.nbytes for x in jax.tree.leaves(state)):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(folder))


def _waits() -> bool:
    """A CPU that writes has no time to train beside it."""
    return jax.default_backend() == "cpu"


def _sync_all(folder: pathlib.Path) -> None:
    for place, _, names in os.walk(folder):
        for name in names:
            sync(pathlib.Path(place) / name)
        sync(place)

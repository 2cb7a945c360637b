"""Claims: at most one worker is at work on a run, whoever dies and whoever comes after.

A run at rest is the folder RUN. To claim it is to rename it to RUN.N, its N-th attempt (a run
without a folder: to make RUN.1). Of any number of workers on any number of machines one can, on
network filesystems too, and no N comes twice. The attempt writes all that it writes in RUN.N. Who
takes over one that has died (`vdit.runs.claim` tells) renames RUN.N to RUN.N+1: an owner that
was only thought dead (paused, or cut off) finds nothing there any more, and what it makes again
under the old name nobody reads (`vdit.runs.folder.find`). Released, RUN.N is RUN again.
"""

import contextlib
import errno
import fcntl
import json
import os
import shutil
import socket
import sys
import time
from pathlib import Path
from typing import NamedTuple

from vdit.runs import claim, lease, squeue
from vdit.runs.files import sync, write_bytes
from vdit.runs.folder import attempt_of, attempts, steps_saved

METRICS = "metrics.jsonl"
# What a rename or mkdir says when another was faster.
TAKEN = (errno.ENOENT, errno.EEXIST, errno.ENOTEMPTY, errno.ESTALE)


class Claim(NamedTuple):
    """A claim that this process holds: `folder` is RUN.N, where it works; `deaths` are of workers
    in this run, since the last that left a new checkpoint."""

    folder: Path
    deaths: int
    heartbeat: lease.Heartbeat
    descriptor: int

    def release(self) -> None:
        """Gives the run back, unless it has been taken over."""
        try:
            self.heartbeat.stop()
            if not _is_the_run(self.folder):
                raise FileNotFoundError(errno.ENOENT, lease.TAKEN_OVER)
            os.rename(self.folder, _at_rest(self.folder))
        except OSError as error:
            line = f"{self.folder} cannot be given back: {error.strerror}"
            print(line, file=sys.stderr, flush=True)
        os.close(self.descriptor)


def acquire(path: Path, unless: str = "") -> Claim | None:
    """Claims the run that rests at `path`; None when another worker has it, or when it holds a file
    of the name `unless`: others may read there, and find nothing while it has another name."""
    path.parent.mkdir(exist_ok=True)
    try:
        return _acquired(path, unless)
    except OSError as error:
        if error.errno in TAKEN:
            return None
        raise


def _acquired(path: Path, unless: str) -> Claim | None:
    there = attempts(path)
    if unless and (path / unless).exists():  # after the look: it may have come to rest before that
        return None
    place = there.get(0) or there.get(max(there, default=0))
    if place and claim.is_live(place):
        return None
    mine = _moved(place, max(there)) if place else _made(path)
    if not _is_the_run(mine, was_made=place is None):
        with contextlib.suppress(OSError):
            os.rmdir(mine)  # empty, if we made it
        return None
    deaths, step = _deaths(mine, was_claimed=max(there, default=0) > 0)
    descriptor = _sign(mine, deaths, step)
    _part_with_former_owners(mine)
    return Claim(mine, deaths, lease.Heartbeat(mine), descriptor)


def _made(path: Path) -> Path:
    mine = path.with_name(f"{path.name}.1")
    os.mkdir(mine)
    return mine


def _moved(place: Path, last: int) -> Path:
    """The run's folder under the name of a new attempt, after `last` and all that it remembers."""
    while (last := max(last, claim.read(place).get("attempt", 0))) >= attempt_of(place.name)[1]:
        following = place.with_name(f"{attempt_of(place.name)[0]}.{last + 1}")
        os.rename(place, following)
        place = following  # read again: it may have been claimed and given back since
    return place


def _is_the_run(mine: Path, was_made: bool = False) -> bool:
    """Whether an attempt is the run, not something beside it: a look of long ago took it for the
    run, or it has been taken over."""
    there = attempts(_at_rest(mine))
    is_last = 0 not in there and max(there, default=0) == attempt_of(mine.name)[1]
    return is_last and not (was_made and len(there) > 1)


def _at_rest(folder: Path) -> Path:
    return folder.with_name(attempt_of(folder.name)[0])


def _deaths(mine: Path, was_claimed: bool) -> tuple[int, int]:
    """Deaths of workers in a run since it came forward, and the step of its newest checkpoint."""
    former, step = claim.read(mine), max(steps_saved(mine), default=0)
    died_in_vain = was_claimed and step <= former.get("step", 0)
    return former.get("deaths", 0) + 1 if died_in_vain else 0, step


def _sign(mine: Path, deaths: int, step: int) -> int:
    """Writes the claim, a new file, and returns its locked descriptor. Does not make the folder:
    if it is gone, so is the run."""
    part = mine / f".{os.getpid()}.{claim.NAME}"
    descriptor = os.open(part, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o644)
    signed = {"pid": os.getpid(), "host": socket.gethostname(), "started": time.time()}
    signed |= {"boot_id": claim.boot_id() if claim.lock(descriptor, fcntl.LOCK_EX) else None}
    signed |= {"slurm": squeue.this_job(), "attempt": attempt_of(mine.name)[1]}
    os.write(descriptor, (json.dumps(signed | {"deaths": deaths, "step": step}) + "\n").encode())
    os.fsync(descriptor)
    os.replace(part, mine / claim.NAME)
    sync(mine)
    return descriptor


def _part_with_former_owners(mine: Path) -> None:
    """A line that one still writes lands nowhere, and what one made again is deleted."""
    if (metrics := mine / METRICS).exists():
        write_bytes(metrics, metrics.read_bytes())  # a new file: the other is open elsewhere
    for number, folder in attempts(_at_rest(mine)).items():
        if number < attempt_of(mine.name)[1] and not (folder / claim.NAME).exists():
            shutil.rmtree(folder, ignore_errors=True)

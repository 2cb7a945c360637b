"""Claims: at most one worker is at work on a run, whoever dies and whoever comes after.

A run at rest is the folder RUN. To claim it is to rename it to RUN.N, its N-th attempt (a run
without a folder: to make RUN.1). Of any number of workers on any number of machines one can, on
network filesystems too, and no N comes twice. The attempt writes all that it writes in RUN.N. Who
takes over one that has died renames RUN.N to RUN.N+1: an owner that was only thought dead (paused,
or cut off) finds nothing there any more, and what it makes again under the old name nobody reads
(`vdit.runs.folder.find`). Released, RUN.N is RUN again.

The file `claim` in the folder says whose the last attempt is. On one machine its owner holds an
flock on it: the kernel drops that when the owner dies, however it dies. Of another machine the
lease tells (`sweeps.launcher.lease`), or Slurm.
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
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

from sweeps.launcher import lease, squeue
from vdit.runs.files import DamagedFileError, find_json, sync, write_bytes
from vdit.runs.folder import attempt_of, attempts, steps_saved

NAME, METRICS = "claim", "metrics.jsonl"
# What a rename or mkdir says when another was faster.
TAKEN = (errno.ENOENT, errno.EEXIST, errno.ENOTEMPTY, errno.ESTALE)

Condition = Literal["free", "live", "silent", "dead"]


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
            os.rename(self.folder, _at_rest(self.folder))
        except OSError as error:
            print(f"{self.folder} cannot be given back: {error}", file=sys.stderr, flush=True)
        os.close(self.descriptor)


def acquire(path: Path) -> Claim | None:
    """Claims the run that rests at `path`; None when another worker has it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        return _acquired(path)
    except OSError as error:
        if error.errno in TAKEN:
            return None
        raise


def _acquired(path: Path) -> Claim | None:
    if not (there := attempts(path)):
        mine = path.with_name(f"{path.name}.1")
        os.mkdir(mine)
    elif is_live(place := there.get(0, there[max(there)])):
        return None
    else:
        mine = _moved(place, max(there))
    if not _is_alone(mine, was_made=not there):
        return None
    deaths, step = _deaths(mine, was_claimed=max(there, default=0) > 0)
    descriptor = _sign(mine, deaths, step)
    _part_with_former_owners(mine)
    return Claim(mine, deaths, lease.Heartbeat(mine), descriptor)


def owner(folder: Path) -> dict[str, Any] | None:
    """Who has claimed a run, by its folder: pid, host, started (unix s), attempt, deaths, ...; {}
    before it is signed, None of a run at rest."""
    if not _number(folder):
        return None
    found = _read(folder)
    return found if found.get("attempt") == _number(folder) else {}


def is_live(folder: Path) -> bool:
    """Whether a worker holds the claim of a run, by its folder, as far as one can tell."""
    return condition(folder) in ("live", "silent")


def condition(folder: Path) -> Condition:
    """`free` is a run at rest; `silent` one whose owner, elsewhere, may be dead."""
    found = owner(folder)
    if found is None:
        return "free"
    if found and found["boot_id"] == boot_id():
        return "live" if _is_locked(folder / NAME) else "dead"
    if found and squeue.QUEUE.has_ended(found["slurm"]):
        return "dead"
    silent_s = lease.OBSERVER.look(folder).silent_s
    if silent_s >= lease.LEASE_S:
        return "dead"
    return "silent" if silent_s >= 2 * lease.BEAT_S else "live"


def is_in_doubt(folder: Path) -> bool:
    """Whether more looks can tell more: its owner is elsewhere and was not seen to count yet."""
    found = owner(folder)
    if found is None or (found and found["boot_id"] == boot_id()) or not is_live(folder):
        return False
    return not lease.OBSERVER.look(folder).moved


def settle(folders: Sequence[Path]) -> None:
    """Looks at claims for two beats, or until none of them is in doubt."""
    until = time.monotonic() + 2 * lease.BEAT_S
    while any([is_in_doubt(folder) for folder in folders]) and time.monotonic() < until:
        time.sleep(lease.BEAT_S / 10)


def boot_id() -> str:
    """Names this machine since it was started: of two that share a hostname, and after a crash."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except FileNotFoundError:  # not a Linux
        return socket.gethostname()


def _number(folder: Path) -> int:
    return attempt_of(folder.name)[1]


def _at_rest(folder: Path) -> Path:
    return folder.with_name(attempt_of(folder.name)[0])


def _read(folder: Path) -> dict[str, Any]:
    """The last claim that was signed in a folder; {} if none."""
    try:
        return find_json(folder / NAME, "a claim") or {}
    except DamagedFileError:  # signed again by whoever has the run next
        return {}


def _moved(place: Path, last: int) -> Path:
    """The run's folder under the name of a new attempt, after `last` and all that it remembers."""
    while (last := max(last, _read(place).get("attempt", 0))) >= _number(place):
        following = place.with_name(f"{_at_rest(place).name}.{last + 1}")
        os.rename(place, following)
        place = following  # read again: it may have been claimed and given back since
    return place


def _is_alone(mine: Path, was_made: bool) -> bool:
    """Whether this is the run, not something beside it that a look of long ago took for the run."""
    there = attempts(_at_rest(mine))
    if 0 not in there and max(there) == _number(mine) and not (was_made and len(there) > 1):
        return True
    with contextlib.suppress(OSError):
        os.rmdir(mine)  # empty, if we made it
    return False


def _deaths(mine: Path, was_claimed: bool) -> tuple[int, int]:
    """Deaths of workers in a run since it came forward, and the step of its newest checkpoint."""
    former, step = _read(mine), max(steps_saved(mine), default=0)
    died_in_vain = was_claimed and step <= former.get("step", 0)
    return former.get("deaths", 0) + 1 if died_in_vain else 0, step


def _sign(mine: Path, deaths: int, step: int) -> int:
    """Writes the claim, a new file, and returns its locked descriptor. Does not make the folder:
    if it is gone, so is the run."""
    part = mine / f".{os.getpid()}.{NAME}"
    descriptor = os.open(part, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o644)
    claimed = {"pid": os.getpid(), "host": socket.gethostname(), "started": time.time()}
    claimed |= {"boot_id": boot_id() if _lock(descriptor, fcntl.LOCK_EX) else None}
    claimed |= {"slurm": squeue.this_job(), "attempt": _number(mine)}
    text = json.dumps(claimed | {"deaths": deaths, "step": step}) + "\n"
    os.write(descriptor, text.encode())
    os.fsync(descriptor)
    os.replace(part, mine / NAME)
    sync(mine)
    return descriptor


def _part_with_former_owners(mine: Path) -> None:
    """A line that one still writes lands nowhere, and what one made again is deleted."""
    if (metrics := mine / METRICS).exists():
        write_bytes(metrics, metrics.read_bytes())  # a new file: the other is open elsewhere
    for number, folder in attempts(_at_rest(mine)).items():
        if number < _number(mine) and not (folder / NAME).exists():
            shutil.rmtree(folder, ignore_errors=True)


def _is_locked(path: Path) -> bool:
    """Whether somebody on this machine has locked a file; who looks shares the lock with others."""
    try:
        with open(path) as file:
            if _lock(file.fileno(), fcntl.LOCK_SH):
                return False
        return True
    except FileNotFoundError:
        return False


def _lock(descriptor: int, kind: int) -> bool:
    """Whether the lock was free; no, too, where the filesystem has none."""
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except OSError:
        return False
    return True

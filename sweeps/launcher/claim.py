"""Claims: at most one worker is at work on a run, whoever dies and whoever comes after.

A claim is the file `claim` in the run's folder. It is made with O_EXCL, so one of any number of
workers on any number of machines makes it, and its owner holds an flock on it for as long as it
works. The kernel drops the lock when the owner dies, however it dies: a claim without a lock is
stale, and whoever gets the lock next owns it. No process number is compared (numbers are used
again) and no claim is deleted by anyone but its owner (of two, each could delete the other's). An
flock says nothing sure about another machine, so a claim made elsewhere counts as alive.
"""

import fcntl
import json
import os
import socket
import time
from pathlib import Path
from typing import Any, NamedTuple

NAME = "claim"
# A claim is empty until its maker has signed it: a moment, unless the maker died then.
EMPTY_S = 60.0
# A status table that looks at a claim holds its lock for microseconds; ask once more before going.
SECOND_TRY_S = 0.01


class Claim(NamedTuple):
    """A claim that this process holds; `attempt` is 1 plus the owners who died in this run."""

    path: Path
    descriptor: int
    attempt: int

    def release(self) -> None:
        """Gives the run back. Deletes before unlocking, so that nobody locks what is going."""
        self.path.unlink()
        os.close(self.descriptor)


def acquire(folder: Path) -> Claim | None:
    """Claims the run in `folder` (made if missing); None when another worker has it."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / NAME
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o644)
    except FileExistsError:
        if is_live(folder):
            return None
        try:
            descriptor = os.open(path, os.O_RDWR)
        except FileNotFoundError:
            return None  # given back this moment: its owner, or the next, will see to it
    if not (_lock(descriptor) and _is_still(path, descriptor)):
        os.close(descriptor)
        return None
    attempt = (owner(folder) or {}).get("attempt", 0) + 1
    _write(descriptor, attempt)
    return Claim(path, descriptor, attempt)


def owner(folder: Path) -> dict[str, Any] | None:
    """Who made the claim: pid, host, started (unix s), attempt; {} while empty, None if none."""
    try:
        return json.loads((folder / NAME).read_text())
    except FileNotFoundError:
        return None
    except json.JSONDecodeError:
        return {}


def is_live(folder: Path) -> bool:
    """Whether a worker holds the claim of `folder`, or may hold it on another machine."""
    found = owner(folder)
    if found is None:
        return False
    if found and found["host"] != socket.gethostname():
        return True
    try:
        with open(folder / NAME) as file:
            fresh = not found and time.time() - os.fstat(file.fileno()).st_mtime < EMPTY_S
            return fresh or not _lock_once(file.fileno(), fcntl.LOCK_SH)
    except FileNotFoundError:
        return False


def _lock(descriptor: int) -> bool:
    if _lock_once(descriptor, fcntl.LOCK_EX):
        return True
    time.sleep(SECOND_TRY_S)
    return _lock_once(descriptor, fcntl.LOCK_EX)


def _lock_once(descriptor: int, kind: int) -> bool:
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _is_still(path: Path, descriptor: int) -> bool:
    """Whether the locked file is the one at `path`, not one that its owner has deleted since."""
    try:
        return os.path.samestat(os.stat(path), os.fstat(descriptor))
    except FileNotFoundError:
        return False


def _write(descriptor: int, attempt: int) -> None:
    """Overwrites in place (a rename would leave the lock behind), in one write, longer or equal."""
    signature = {"pid": os.getpid(), "host": socket.gethostname(), "started": time.time()}
    text = json.dumps(signature | {"attempt": attempt}).ljust(400) + "\n"
    os.pwrite(descriptor, text.encode(), 0)

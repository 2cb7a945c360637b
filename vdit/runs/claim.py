"""Who has claimed a run (`vdit.runs.attempt`), and whether they live. Looking is harmless.

The file `claim` in a run's folder says whose the last attempt is. On one machine its owner holds an
flock on it: the kernel drops that when the owner dies, however it dies. Of another machine the
lease tells (`vdit.runs.lease`), or Slurm.
"""

import fcntl
import socket
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from vdit.runs import lease, squeue
from vdit.runs.files import DamagedFileError, find_json
from vdit.runs.folder import attempt_of

NAME = "claim"
Condition = Literal["free", "live", "silent", "dead"]


def owner(folder: Path) -> dict[str, Any] | None:
    """Who has claimed a run, by its folder: pid, host, started (unix s), attempt, deaths, ...; {}
    before it is signed, None of a run at rest."""
    if not (number := attempt_of(folder.name)[1]):
        return None
    found = read(folder)
    return found if found.get("attempt") == number else {}


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
    for folder in folders:
        is_in_doubt(folder)  # silence counts from the first look
    until = time.monotonic() + 2 * lease.BEAT_S
    while any([is_in_doubt(folder) for folder in folders]) and time.monotonic() < until:
        time.sleep(lease.BEAT_S / 10)


def read(folder: Path) -> dict[str, Any]:
    """The claim that was signed last in a folder, in force or not; {} if none."""
    try:
        return find_json(folder / NAME, "a claim") or {}
    except DamagedFileError:  # whoever has the run next signs again
        return {}


def boot_id() -> str:
    """Names this machine since it was started: of two that share a hostname, and after a crash."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except FileNotFoundError:  # not a Linux
        return socket.gethostname()


def lock(descriptor: int, kind: int) -> bool:
    """Whether the lock of an open file was free; no, too, where the filesystem has none."""
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _is_locked(path: Path) -> bool:
    """Whether somebody on this machine has locked a file; who looks shares the lock with others."""
    try:
        with open(path) as file:
            return not lock(file.fileno(), fcntl.LOCK_SH)
    except FileNotFoundError:
        return False

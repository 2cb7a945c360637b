"""Leases: a claim holds for as long as its owner is seen to count, by the clock of whoever looks.

The owner rewrites a counter in its attempt's folder every BEAT_S. Another machine's clock may be
hours off, so no time is written or compared: dead is an owner whose counter has not moved for
LEASE_S while one was looking.
"""

import errno
import os
import sys
import threading
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

BEAT_S, LEASE_S = 5.0, 60.0
HEARTBEAT = "heartbeat"
TAKEN_OVER = "another worker has taken this run over"
LOST = 75  # exit status of a process whose run was taken over: "temporary failure" (sysexits.h)


class Heartbeat:
    """Counts in the folder of an attempt, from a thread, until it is told to stop.

    The counter is opened under the attempt's own name and never made there again: once the folder
    has been renamed the run is another's, and this process ends before it can do more.
    """

    def __init__(self, folder: Path):
        self._path, self._token, self._count = folder / HEARTBEAT, uuid.uuid4().hex, 0
        part = folder / f".{self._token}"
        part.write_text(self._line())
        os.replace(part, self._path)  # a file of our own: a former owner may have the other open
        self._ended = threading.Event()
        threading.Thread(target=self._run, daemon=True).start()

    def stop(self) -> None:
        """Ends the counting; `FileNotFoundError` where the attempt is no longer ours."""
        self._ended.set()
        if not self.beat():
            raise FileNotFoundError(errno.ENOENT, TAKEN_OVER)
        self._path.unlink()

    def beat(self) -> bool:
        """Counts on; whether the attempt is still ours."""
        try:
            descriptor = os.open(self._path, os.O_RDWR)
        except FileNotFoundError:
            return False
        try:
            if os.pread(descriptor, len(self._token), 0) != self._token.encode():
                return False
            self._count += 1
            os.pwrite(descriptor, self._line().encode(), 0)
        finally:
            os.close(descriptor)
        return True

    def _line(self) -> str:
        return f"{self._token} {self._count:012d}\n"

    def _run(self) -> None:
        while not self._ended.wait(BEAT_S):
            try:
                is_ours = self.beat()
            except OSError:  # the filesystem is away or full: the next beat may do
                continue
            if not is_ours and not self._ended.is_set():
                print(f"{self._path.parent}: {TAKEN_OVER}", file=sys.stderr, flush=True)
                os._exit(LOST)


class _Seen(NamedTuple):
    """A counter as it was seen last, when, how long it has stood still, whether it ever moved."""

    counter: bytes
    at: float
    silent_s: float
    moved: bool


class Observer:
    """What one process has seen of the counters of others."""

    def __init__(self, clock: Callable[[], float] = time.monotonic):
        self._clock, self._seen = clock, {}

    def look(self, attempt: Path) -> _Seen:
        """Looks at an attempt's counter. A stretch in which nobody looked counts two beats at most:
        the looker, or the filesystem between the two, may have been asleep."""
        counter, now = _read(attempt / HEARTBEAT), self._clock()
        before = self._seen.get(attempt, _Seen(counter, now, 0.0, False))
        silent_s = before.silent_s + min(now - before.at, 2 * BEAT_S)
        if counter != before.counter:
            before, silent_s = before._replace(moved=True), 0.0
        self._seen[attempt] = before._replace(counter=counter, at=now, silent_s=silent_s)
        return self._seen[attempt]


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:  # not yet there, or renamed this moment
        return b""


OBSERVER = Observer()  # of this process

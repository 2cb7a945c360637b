"""For what is better done once, and does no harm twice: its results appear by rename."""

import contextlib
import fcntl
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def one_at_a_time(path: Path) -> Iterator[None]:
    """Within is one process of this machine. Others may be there too, where a filesystem has no
    locks, or has them for one machine alone."""
    with open(path, "w") as file:
        with contextlib.suppress(OSError):
            fcntl.flock(file, fcntl.LOCK_EX)
        yield

"""A folder that appears whole or not at all: made hidden beside its place, renamed at the end."""

import contextlib
import fcntl
import os
import pathlib
import shutil
from collections.abc import Iterator

from vdit.errors import InputError


@contextlib.contextmanager
def partial_folder(out: pathlib.Path) -> Iterator[pathlib.Path]:
    """A hidden folder beside `out`, gone at the end; what a killed run left in it goes first.

    Its lock dies with the process, so a folder that can be locked is nobody's. Raises `InputError`
    where it can't be made or another process holds it.
    """
    partial = out.resolve().parent / f".{out.resolve().name}.partial"
    try:
        partial.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"--out {out}: can't be made ({error.strerror})") from error
    handle = os.open(partial, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        raise InputError(f"--out {out}: another vdit.prepare is writing it") from None
    try:
        for entry in partial.iterdir():
            shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
        yield partial
    finally:
        shutil.rmtree(partial)
        os.close(handle)

"""Small disks that are really full, or really read-only, and commands that meet them.

`python -m tests.faults.disks DISK MODULE:FUNCTION COMMAND ...` fills the disk when the command
comes to the function for the first time.
"""

import contextlib
import functools
import importlib
import pathlib
import runpy
import subprocess
import sys
from collections.abc import Iterator

import pytest

FILLER = "filler"


@contextlib.contextmanager
def disk(path: pathlib.Path, size: str = "6m") -> Iterator[pathlib.Path]:
    """A file system of its own at `path`; the test is skipped where none can be mounted."""
    path.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(path)]
    try:
        subprocess.run(mount, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("this user cannot mount a file system")
    try:
        yield path
    finally:
        subprocess.run(["umount", str(path)], check=True)


def make_read_only(path: pathlib.Path) -> None:
    """From now on nobody can write there, root neither."""
    subprocess.run(["mount", "-o", "remount,ro", str(path)], check=True)


def fill(path: pathlib.Path) -> None:
    """Leaves no byte free."""
    with open(path / FILLER, "wb", buffering=0) as file:
        size = 1 << 16
        while size:
            try:
                size = size if file.write(bytes(size)) == size else size // 2
            except OSError:
                size //= 2


def _fill_at(path: pathlib.Path, place: str) -> None:
    module, _, name = place.partition(":")
    *owners, last = name.split(".")
    owner = functools.reduce(getattr, owners, importlib.import_module(module))
    real = getattr(owner, last)

    def filled_first(*args, **kwargs):
        if not (path / FILLER).exists():
            fill(path)
        return real(*args, **kwargs)

    setattr(owner, last, filled_first)


if __name__ == "__main__":
    _fill_at(pathlib.Path(sys.argv[1]), sys.argv[2])
    sys.argv = sys.argv[3:]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)

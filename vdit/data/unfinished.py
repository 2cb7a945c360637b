"""Folders in which something is made, hidden beside its place until it is whole.

Makers may be on several machines, whose cache is one folder of a network filesystem. Each has a
folder of its own, `.NAME.MACHINE.PID`; what a killed maker left is swept away by the next.
"""

import contextlib
import os
import pathlib
import re
import shutil
import uuid
from collections.abc import Iterator

SILENT_S = 24 * 3600  # longer than any maker takes from one write to the next
# Older code named no machine; a name that a user chose needs one, or `.dit.2` would be ours.
NAMES = r"\.([0-9a-f]{12}(\.[0-9a-f-]+)?|%s\.([0-9a-f]{8}-[0-9a-f]+|[0-9a-f]{32}))\.\d+"
BOOT, PROCESSES = "/proc/sys/kernel/random/boot_id", "/proc/self/ns/pid"


@contextlib.contextmanager
def unfinished(place: pathlib.Path) -> Iterator[pathlib.Path]:
    """A new hidden folder beside `place`, gone at the end; so are those of dead makers of `place`,
    and of folders that are named by fingerprints."""
    folder = place.with_name(f".{place.name}.{_machine()}.{os.getpid()}")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    try:
        _sweep(folder, place.name)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _sweep(own: pathlib.Path, name: str) -> None:
    """Removes folders of dead makers. The time now is that of `own`, by the filesystem's clock."""
    left = re.compile(NAMES % re.escape(name))
    now = own.stat().st_mtime
    for other in own.parent.iterdir():
        ours = left.fullmatch(other.name) and other != own and other.is_dir()
        if ours and _is_dead(other, now):
            shutil.rmtree(other, ignore_errors=True)


def _is_dead(folder: pathlib.Path, now: float) -> bool:
    """Whether nobody writes there any more.

    A process number says it on the machine that gave it, until that boots. It says nothing
    elsewhere, and locks do not reach across every network filesystem: there, silence has to do.
    """
    *_, machine, pid = folder.name.split(".")
    if machine == _machine() and not _is_running(int(pid)):
        return True
    try:
        written = max(path.stat().st_mtime for path in (folder, *folder.iterdir()))
    except FileNotFoundError:  # its maker is at work
        return False
    return now - written > SILENT_S


def _is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # somebody else's
        pass
    return True


def _machine() -> str:
    """Where process numbers are those of this process: this boot, and this container."""
    try:
        boot = pathlib.Path(BOOT).read_text()[:8]
        return f"{boot}-{os.stat(PROCESSES).st_ino:x}"
    except OSError:  # no Linux: a name that nobody has twice, so that silence has to do
        return uuid.uuid4().hex

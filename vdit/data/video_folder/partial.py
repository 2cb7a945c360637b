"""The hidden folder in which a prepared one is made, by all processes of the same command.

It lies beside its place. Each process has a seat in it, a claim; the last one to leave deletes it,
unless it was told to end: then what is done stays, and the same command goes on from there.
"""

import contextlib
import fcntl
import os
import pathlib
import shutil
import uuid
from collections.abc import Iterator

from vdit.errors import InputError
from vdit.runs import attempt, claim
from vdit.runs.files import write_text
from vdit.runs.folder import find_all

MADE_FOR, SEATS = "made_for", "processes"


def place_of(out: pathlib.Path) -> pathlib.Path:
    """Where the hidden folder of `out` lies."""
    return out.resolve().parent / f".{out.resolve().name}.partial"


@contextlib.contextmanager
def partial_folder(
    out: pathlib.Path,
    identity: str = "",
    worth: str = "*",
    kept_after: tuple[type[BaseException], ...] = (SystemExit, KeyboardInterrupt),
) -> Iterator[pathlib.Path]:
    """The hidden folder, shared with all who ask for the same `identity`; what was made for
    another, or by nobody known, goes first.

    Deleted at the end by who leaves last. After a signal, or what else `kept_after` names, it
    stays where a path in it matches `worth`. Raises `InputError` where it can't be made, or others
    make something else in it.
    """
    place = place_of(out)
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        with _alone(place.parent):
            seat = _enter(place, out, identity)
    except OSError as error:
        raise InputError(f"--out {out}: can't be made ({error.strerror})") from error
    keep = False
    try:
        yield place
    except kept_after:
        keep = any(place.glob(worth))
        if keep:
            print(f"what is done is kept in {place}; the same command goes on from there")
        raise
    finally:
        with _alone(place.parent):
            seat.release()
            if not keep and not _somebody_is_in(place):
                shutil.rmtree(place, ignore_errors=True)


def clear(out: pathlib.Path) -> None:
    """Deletes the hidden folder of what is there already, unless somebody is in it."""
    place = place_of(out)
    if place.exists():
        with _alone(place.parent):
            if not _somebody_is_in(place):
                shutil.rmtree(place, ignore_errors=True)


def _enter(place: pathlib.Path, out: pathlib.Path, identity: str) -> attempt.Claim:
    made_for = place / MADE_FOR
    is_ours = made_for.exists() and made_for.read_text(encoding="utf-8") == identity
    if place.exists() and not is_ours:
        if _somebody_is_in(place):
            raise InputError(
                f"--out {out}: another vdit process writes it, of other videos or flags ({place})"
            )
        shutil.rmtree(place)
    place.mkdir(exist_ok=True)
    if not is_ours:
        write_text(made_for, identity)
    return attempt.acquire(place / SEATS / uuid.uuid4().hex)


def _somebody_is_in(place: pathlib.Path) -> bool:
    return any(claim.is_live(seat) for seat in find_all(place / SEATS).values())


@contextlib.contextmanager
def _alone(folder: pathlib.Path) -> Iterator[None]:
    """Within is one process of this machine: nobody enters what another deletes."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        with contextlib.suppress(OSError):  # a filesystem without locks
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)

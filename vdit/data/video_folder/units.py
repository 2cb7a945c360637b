"""Work units: each is done by one of the processes that share a folder, and again if that dies.

A unit is a folder, claimed as a sweep's runs are (`vdit.runs.attempt`): NAME.N while somebody works
in it, NAME at rest. One that is done holds `DONE`, written last. So processes of any machine that
sees the folder may come, be killed and come again, and none needs to know of the others.
"""

import contextlib
import os
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from vdit.errors import InputError
from vdit.runs import attempt, claim, lease
from vdit.runs.files import read_json, write_json
from vdit.runs.folder import attempt_of, find_all

DONE = "done.json"
POLL_S = 0.2  # between two looks at what others have
LOOK_S = 1.0  # of work after a look
MAXIMUM_DEATHS = 2  # of processes in one unit: what kills a third is in its files

Work = Callable[[str, Path], Mapping[str, Any]]


def share(
    place: Path, names: Sequence[str], do: Work, on_done: Callable[[str], None] = lambda name: None
) -> None:
    """Returns when every unit of `place` is done, whoever did it; `on_done` is told of each.

    `do(name, folder)` works in a folder that holds nothing but the claim, and returns what `DONE`
    is to say. Of an error of it the unit is at rest again, not done. Raises `InputError` for a unit
    in which more than `MAXIMUM_DEATHS` processes were killed.
    """
    place.mkdir(exist_ok=True)
    left = list(names)
    while left:
        there = find_all(place)
        done = _done(left, there)
        for name in done:
            on_done(name)
        left = [name for name in left if name not in done]
        if left and not _do_some(place, left, there, do):
            time.sleep(POLL_S)


def one(place: Path, name: str, do: Callable[[Path], Mapping[str, Any]]) -> dict[str, Any]:
    """What comes of a step of a single unit, whoever did it."""
    share(place / name, [name], lambda _, path: do(path))
    return result(place / name, name)


def result(place: Path, name: str) -> dict[str, Any]:
    """What was said of a unit that is done."""
    return read_json(place / name / DONE, "what came of a unit of work")


def _done(left: Sequence[str], there: Mapping[str, Path]) -> set[str]:
    at_rest = (name for name in left if name in there and there[name].name == name)
    return {name for name in at_rest if (there[name] / DONE).exists()}


def _do_some(place: Path, left: Sequence[str], there: Mapping[str, Path], do: Work) -> bool:
    """Does units that nobody has, for LOOK_S at least; False where others have all that are left.

    `there` is the last look: one for each short unit would take the square of their number.
    """
    until, worked = time.monotonic() + LOOK_S, False
    for name in left:
        if name in there and attempt_of(there[name].name)[1] and claim.is_live(there[name]):
            continue
        if held := attempt.acquire(place / name, unless=DONE):
            try:
                _do(name, held, do)
            finally:
                held.release()
            worked = True
            if time.monotonic() >= until:
                break
    return worked


def _do(name: str, held: attempt.Claim, do: Work) -> None:
    if (held.folder / DONE).exists():  # between our looks
        return
    if held.deaths > MAXIMUM_DEATHS:
        raise InputError(f"{name}: {held.deaths} processes were killed in this unit (memory?)")
    empty(held.folder)
    write_json(held.folder / DONE, do(name, held.folder))


def empty(folder: Path) -> None:
    """Deletes what a killed process left in a claimed folder."""
    for entry in list(os.scandir(folder)):
        if entry.name not in (claim.NAME, lease.HEARTBEAT):
            with contextlib.suppress(FileNotFoundError):
                shutil.rmtree(entry.path) if entry.is_dir() else os.unlink(entry.path)

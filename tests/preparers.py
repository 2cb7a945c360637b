"""Processes that prepare one folder together, some of which are killed at a given place.

`python -m tests.preparers LOGS PLACE,... FLAGS...` runs one process after another, each killed with
SIGKILL where it comes to its PLACE, and then one that is left alone; PLACE-TERM is told to end
there, PLACE-LOST dies with its machine. With `PLACE` a number, so many at once, of which one is
killed again and again. Each is a fork: importing takes longest. What process N prints is in LOGS/N.
"""

import itertools
import os
import pathlib
import random
import signal
import sys
import time
import traceback
from collections.abc import Callable, Sequence

from vdit import errors, prepare
from vdit.data.video_folder import builder, decisions, near_duplicates, plan, record, slices
from vdit.runs import claim, lease

PLACES = {  # functions that are called there
    "cut": (slices, "write_text"),
    "split": (near_duplicates, "describe"),
    "decide": (decisions, "_shards"),
    "shard": (builder, "windows_in"),  # the shard has its name, and is not said to be done
    "record": (record, "write"),
}


def start(log: pathlib.Path, flags: Sequence[str], fate: str = "") -> int:
    """Forks a process that prepares, and dies at a place; its number."""
    if pid := os.fork():
        return pid
    sys.stdout, status = log.open("w", buffering=1), 1
    try:
        if fate:
            _doom(*fate.split("-"))
        errors.run(lambda: prepare.main(list(flags)))
    except SystemExit as end:
        status = end.code or 0
    finally:  # whatever came, a child does not go on as its parent
        if status == 1:
            traceback.print_exc()
        sys.stdout.flush()
        os._exit(status)


def _doom(place: str, how: str = "KILL") -> None:
    """Has this process end at a place: by a signal, or with a machine that nobody hears of."""
    (module, name), number = PLACES[place], signal.SIGTERM if how == "TERM" else signal.SIGKILL
    if how == "LOST":
        claim.boot_id = lambda: "another machine"
    setattr(module, name, lambda *_: os.kill(os.getpid(), number))


def one_after_another(logs: pathlib.Path, fates: Sequence[str], flags: Sequence[str]) -> None:
    """Each ends as it is to, at its place, and the last well; as a job that is started again."""
    for index, fate in enumerate([*fates, ""]):
        os.environ["SLURM_RESTART_COUNT"] = str(index)
        _, status = os.waitpid(start(logs / str(index), flags, fate), 0)
        ended = os.waitstatus_to_exitcode(status)
        told = 128 + signal.SIGTERM if fate.endswith("TERM") else -signal.SIGKILL
        assert ended == (told if fate else 0), (fate, ended)


def together(logs: pathlib.Path, count: int, flags: Sequence[str], kills: int = 2) -> None:
    """So many share the work, and none ends before the last is killed, for each of which a new one
    comes; they are few enough for any unit to bear."""
    rng, names = random.Random(0), map(str, itertools.count())
    wait_for(logs / "go", slices, "write_text")
    running = {start(logs / next(names), flags) for _ in range(count)}
    for _ in range(kills):
        while not (waiting := [pid for pid in sorted(running) if (logs / f"waits{pid}").exists()]):
            time.sleep(0.01)
        victim = rng.choice(waiting)  # at work: who is killed as it comes in is missed for a while
        os.kill(victim, signal.SIGKILL)
        assert os.waitpid(victim, 0)[1] == signal.SIGKILL
        running = running - {victim} | {start(logs / next(names), flags)}
    (logs / "go").touch()
    assert [os.waitpid(pid, 0)[1] for pid in running] == [0] * count


def wait_for(go: pathlib.Path, module: object, name: str) -> None:
    """Has a function wait for a file, so that a kill finds it at work."""
    real: Callable = getattr(module, name)

    def waits(*args: object) -> object:
        (go.parent / f"waits{os.getpid()}").touch()
        while not go.exists():
            time.sleep(0.01)
        return real(*args)

    setattr(module, name, waits)


if __name__ == "__main__":
    plan.SLICE_FILES, lease.LEASE_S = 2, float("inf")  # silence is no proof of death
    logs, how, *flags = sys.argv[1:]
    if how.isdecimal():
        together(pathlib.Path(logs), int(how), flags)
    else:
        one_after_another(pathlib.Path(logs), how.split(","), flags)

"""Where a run stands, as its folder shows it; looking disturbs nobody.

A small file of it that cannot be read, or is another run's, makes it `damaged`: over, as one that
failed, until it is tried again.
"""

import contextlib
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from sweeps.launcher.run_files import (
    BEGINNING,
    FAILED,
    READERS,
    can_begin,
    read_failure,
    read_result,
    set_aside_damaged,
)
from vdit.runs import claim, lease
from vdit.runs import folder as run_folders
from vdit.runs.files import DamagedFileError, parsed
from vdit.runs.folder import RESULT

STATES = ("finished", "running", "silent", "stale", "failed", "damaged", "waiting")
OPEN_STATES = ("waiting", "stale")
BAD_STATES = ("failed", "damaged")
OVER_STATES = ("finished", *BAD_STATES)
TAIL_BYTES = 1 << 16
SILENT = f"workers take it over after {lease.LEASE_S:.0f} s of that"

Run = Mapping[str, Any]


class State(NamedTuple):
    """Where one run stands: `name` is one of STATES, `seconds` its age or its whole time."""

    name: str
    steps: int
    loss: float | None
    seconds: float | None
    note: str = ""


def run_folder(root: Path, run: Run) -> Path:
    """Where a run of a plan lies."""
    return run_folders.find(root / "runs" / run["run_id"])


def folders_of(root: Path, runs: Iterable[Run]) -> list[Path]:
    """The same of many, from one look at the root."""
    place = root / "runs"
    found = run_folders.find_all(place)
    return [found.get(run["run_id"]) or place / run["run_id"] for run in runs]


def is_over(folder: Path) -> bool:
    """Whether the run has finished or failed, or is damaged: nobody is to begin it."""
    ended = (folder / RESULT).exists() or (folder / FAILED).exists()
    return ended or not can_begin(folder)


def states_of(root: Path, runs: Sequence[Run]) -> list[State]:
    """Where each of many runs stands, from one look at the root; a run that was claimed or given
    back since that look, and has another name now, is looked for again."""
    place = root / "runs"
    found = run_folders.find_all(place)
    waiting = State("waiting", 0, None, None)
    names = [run["run_id"] for run in runs]
    return [
        _state_at(found[name], run, place / name) if name in found else waiting
        for name, run in zip(names, runs, strict=True)
    ]


def _state_at(folder: Path, run: Run, at_rest: Path) -> State:
    state = state_of(folder, run)
    if state.name == "finished" or folder.exists():
        return state
    now = run_folders.find(at_rest)
    return state if now == folder else _state_at(now, run, at_rest)


def state_of(folder: Path, run: Run) -> State:
    """How far the training of a run has come, which lies in this folder."""
    name = run["run_id"]
    try:
        if result := read_result(folder, name):
            return State("finished", run["steps"], result["loss"], whole_seconds(result))
        steps = last_step(folder)
        if failure := read_failure(folder / FAILED, name):
            return State("failed", steps, None, None, failure)
        for file in BEGINNING:
            READERS[file](folder, name)
    except DamagedFileError as error:
        return State("damaged", last_step(folder), None, None, str(error))
    return state_by_claim(folder, steps)


def state_by_claim(folder: Path, steps: int) -> State:
    """The state of a run that is not over: it waits unless somebody has claimed it."""
    owner = claim.owner(folder)
    if owner is None:
        return State("waiting", steps, None, None)
    condition, who = claim.condition(folder), f"{owner.get('host')}:{owner.get('pid')}"
    if condition == "live":
        age = time.time() - owner["started"] if owner else None
        return State("running", steps, None, age, who)
    if condition == "silent":
        return State("silent", steps, None, None, f"{who} is not seen to be alive; {SILENT}")
    return State("stale", steps, None, None, "its worker died; the next launch takes it over")


def retry(root: Path, runs: Sequence[Run], tell: Callable[[str], None]) -> None:
    """Has failed and damaged runs tried again, from their checkpoints where they have some; `tell`
    hears which files are set aside."""
    for folder, run in zip(folders_of(root, runs), runs, strict=True):
        if state_of(folder, run).name in BAD_STATES:
            set_aside_damaged(folder, run["run_id"], tell)
            (folder / FAILED).unlink(missing_ok=True)


def whole_seconds(result: Mapping[str, Any]) -> float:
    """What a run took in all: compilation, training, measuring; of its pack's time, its share."""
    return result.get("whole_s", result["finished"] - result["started"])


def last_step(folder: Path) -> int:
    """The step of the last whole line of metrics.jsonl (0 if none), read from its end."""
    try:
        with open(folder / "metrics.jsonl", "rb") as file:
            file.seek(max(0, file.seek(0, 2) - TAIL_BYTES))
            lines = file.read().split(b"\n")[:-1]
    except (FileNotFoundError, NotADirectoryError):
        return 0
    for line in reversed(lines):
        with contextlib.suppress(ValueError, KeyError, TypeError):
            return int(parsed(line)["step"])
    return 0

"""The small files that a run of a plan goes by: each is whole and the run's own, or damaged."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from vdit.runs.files import NUMBER, DamagedFileError, find_json, require, set_aside
from vdit.runs.folder import CONFIG, RESULT, find_config
from vdit.runs.mode import MODE, read_mode

FAILED = "failed.json"
BEGINNING = (CONFIG, MODE)  # what a run goes on by, beside its checkpoints
# Of a result, the numbers that are read here.
NUMBERS = ("steps", "batch", "flops", "loss", "started", "finished")
OPTIONAL = ("step_s", "whole_s", "flops_shared")


def read_result(folder: Path, run_id: str) -> dict[str, Any] | None:
    """The result of a run; None where it has none, `DamagedFileError` where it is none of it."""

    def check(found: dict[str, Any]) -> None:
        _require_own(found, run_id)
        given = [key for key in OPTIONAL if found.get(key) is not None]
        require(found, dict.fromkeys([*NUMBERS, *given], NUMBER) | {"size": str})

    return find_json(folder / RESULT, f"the result of run {run_id}", check)


def read_failure(path: Path, run_id: str) -> str | None:
    """What a run failed of, in a line; None where it has not, `DamagedFileError` as above."""

    def check(found: dict[str, Any]) -> None:
        _require_own(found, run_id)
        require(found, {"exception": str})

    failure = find_json(path, f"the failure of run {run_id}", check)
    return failure and failure["exception"]


def _require_own(found: dict[str, Any], run_id: str) -> None:
    if found.get("run_id") != run_id:
        raise ValueError(f"of run {found.get('run_id')}")


# What a run goes by, each by its name. Whether a config is the run's is seen when it goes on.
READERS: dict[str, Callable[[Path, str], Any]] = {
    RESULT: read_result,
    FAILED: lambda folder, run_id: read_failure(folder / FAILED, run_id),
    CONFIG: lambda folder, _: find_config(folder),
    MODE: lambda folder, _: read_mode(folder),
}


def can_begin(folder: Path) -> bool:
    """Whether what a run begins with, or goes on from, is whole (or not there yet)."""
    try:
        for name in BEGINNING:
            READERS[name](folder, "")
    except DamagedFileError:
        return False
    return True


def set_aside_damaged(folder: Path, run_id: str, tell: Callable[[str], None]) -> None:
    """Renames those that are damaged to NAME.damaged; `tell` hears of each."""
    for name, read in READERS.items():
        try:
            read(folder, run_id)
        except DamagedFileError as error:
            set_aside(folder / name)
            tell(f"{error}; set aside as {name}.damaged")

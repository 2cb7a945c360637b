"""A run's folder: where it is, config, result, steps of its checkpoints. No JAX here.

A run of a sweep that a worker has claimed is the folder RUN.N, its N-th attempt: RUN when it is at
rest. So whoever takes a run over moves the ground from under an owner that was thought dead.
"""

import os
import pathlib
from typing import Any

from vdit.config import versions
from vdit.errors import InputError
from vdit.runs.files import find_json, read_json, require

CONFIG, RESULT, CHECKPOINTS = "config.json", "result.json", "checkpoints"
COMMITTED = "_CHECKPOINT_METADATA"  # Orbax writes it; one that is half deleted may lack it


def attempt_of(name: str) -> tuple[str, int]:
    """("abc", 3) of the name abc.3 of a folder; ("abc", 0) of abc, which is at rest."""
    run, _, number = name.rpartition(".")
    return (run, int(number)) if run and number.isdecimal() else (name, 0)


def find(path: str | pathlib.Path) -> pathlib.Path:
    """Where the folder of a run lies: at rest there, else the last attempt at it, if any."""
    path = pathlib.Path(path)
    if path.exists():
        return path
    there = attempts(path)
    return there[max(there)] if there else path


def attempts(path: str | pathlib.Path) -> dict[int, pathlib.Path]:
    """Number to folder of the attempts at the run that rests at PATH, by one look; 0 is at rest."""
    path = pathlib.Path(path)
    run, names = path.name, _names(path.parent)
    there = [attempt_of(name) for name in names if name.startswith(run)]
    numbers = sorted(number for name, number in there if name == run)
    return {n: path.with_name(f"{run}.{n}") if n else path for n in numbers}


def find_all(parent: str | pathlib.Path) -> dict[str, pathlib.Path]:
    """Name of a run to its folder, for all in PARENT, from one look at it."""
    parent = pathlib.Path(parent)
    at_rest, claimed = _split(parent)
    return {name: parent / name for name in at_rest} | claimed


def find_claimed(parent: str | pathlib.Path) -> dict[str, pathlib.Path]:
    """The same for those runs alone that are not at rest."""
    return _split(parent)[1]


def _split(parent: str | pathlib.Path) -> tuple[set[str], dict[str, pathlib.Path]]:
    """Names of the runs at rest, and the folder of the last attempt at each of the others."""
    names = _names(parent)
    at_rest = {name for name in names if "." not in name or not attempt_of(name)[1]}
    others = sorted(attempt_of(name) for name in names if name not in at_rest)
    last = {run: pathlib.Path(parent) / f"{run}.{number}" for run, number in others}
    return at_rest, {run: folder for run, folder in last.items() if run not in at_rest}


def _names(parent: str | pathlib.Path) -> list[str]:
    try:
        return os.listdir(parent)
    except (FileNotFoundError, NotADirectoryError):
        return []


def read_config(folder: str | pathlib.Path) -> Any:
    """The run's config (a ConfigDict), in today's format whatever code has written it.

    Raises `InputError` where no run lies in the folder, or one of a format that is not known.
    """
    from ml_collections import ConfigDict

    if (found := find_config(folder)) is None:
        raise InputError(f"{folder}: expected the folder of a run (no {CONFIG} there)")
    return ConfigDict(versions.upgraded(found, pathlib.Path(folder) / CONFIG))


def find_config(folder: str | pathlib.Path) -> dict[str, Any] | None:
    """The run's config as it was written; None where there is none, `DamagedFileError` where the
    file holds no config. What one of an unknown format holds, nobody knows."""

    def check(found: dict[str, Any]) -> None:
        if found.get("format", versions.UNMARKED) in versions.KNOWN:
            require(found, {"steps": int, "optimizer": dict})

    return find_json(pathlib.Path(folder) / CONFIG, "the config of a run", check)


def read_format(folder: str | pathlib.Path) -> int:
    """The format in which a run's folder was begun."""
    return versions.format_of(find_config(folder) or {}, pathlib.Path(folder) / CONFIG)


def read_result(folder: str | pathlib.Path) -> dict[str, Any]:
    """The row of a finished run; `InputError` where there is none."""
    path = pathlib.Path(folder) / RESULT
    if not path.exists():
        raise InputError(f"{folder}: no finished run there (no {RESULT})")
    return read_json(path, "the result of a run")


def steps_saved(folder: str | pathlib.Path) -> list[int]:
    """Steps of the finished checkpoints of a run, ascending; their content is not looked at."""
    place = os.path.join(folder, CHECKPOINTS)
    try:
        steps = [name for name in os.listdir(place) if name.isdecimal()]
    except (FileNotFoundError, NotADirectoryError):
        return []
    return sorted(int(step) for step in steps if os.path.exists(f"{place}/{step}/{COMMITTED}"))

"""A run's folder: where it is, config, result, steps of its checkpoints. No JAX here.

A run of a sweep that a worker has claimed is the folder RUN.N, its N-th attempt: RUN when it is at
rest. So whoever takes a run over moves the ground from under an owner that was thought dead.
"""

import os
import pathlib
from typing import Any

from vdit.errors import InputError
from vdit.runs.files import read_json

CONFIG, RESULT, CHECKPOINTS = "config.json", "result.json", "checkpoints"


def attempt_of(name: str) -> tuple[str, int]:
    """("abc", 3) of the name abc.3 of a folder; ("abc", 0) of abc, which is at rest."""
    run, _, number = name.rpartition(".")
    return (run, int(number)) if run and number.isdecimal() else (name, 0)


def find(path: str | pathlib.Path) -> pathlib.Path:
    """Where the folder of a run lies: at rest there, else the last attempt at it, if any."""
    path = pathlib.Path(path)
    return path if path.exists() else find_all(path.parent).get(path.name, path)


def find_all(parent: str | pathlib.Path) -> dict[str, pathlib.Path]:
    """Name of a run to its folder, for all in PARENT, from one look at it."""
    found: dict[str, tuple[float, str]] = {}
    try:
        names = os.listdir(parent)
    except FileNotFoundError:
        return {}
    for name in names:
        run, attempt = attempt_of(name)
        place = (attempt or float("inf"), name)  # at rest before any attempt
        found[run] = max(found.get(run, place), place)
    return {run: pathlib.Path(parent) / name for run, (_, name) in found.items()}


def read_config(folder: str | pathlib.Path) -> Any:
    """The run's config (a ConfigDict); `InputError` where no run lies in the folder."""
    from ml_collections import ConfigDict

    path = pathlib.Path(folder) / CONFIG
    if not path.exists():
        raise InputError(f"{folder}: expected the folder of a run (no {CONFIG} there)")
    return ConfigDict(read_json(path, "the config of a run"))


def read_result(folder: str | pathlib.Path) -> dict[str, Any]:
    """The row of a finished run; `InputError` where there is none."""
    path = pathlib.Path(folder) / RESULT
    if not path.exists():
        raise InputError(f"{folder}: no finished run there (no {RESULT})")
    return read_json(path, "the result of a run")


def steps_saved(folder: str | pathlib.Path) -> list[int]:
    """Steps of the finished checkpoints of a run, ascending."""
    try:
        names = os.listdir(os.path.join(folder, CHECKPOINTS))
    except (FileNotFoundError, NotADirectoryError):
        return []
    return sorted(int(name) for name in names if name.isdigit())

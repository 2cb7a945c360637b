"""A run's folder: config, result, steps of its checkpoints. No JAX here: launchers ask too."""

import json
import pathlib
from typing import Any

from vdit.errors import InputError

CONFIG, RESULT, CHECKPOINTS = "config.json", "result.json", "checkpoints"


def read_config(folder: str | pathlib.Path) -> Any:
    """The run's config (a ConfigDict); `InputError` where no run lies in the folder."""
    from ml_collections import ConfigDict

    path = pathlib.Path(folder) / CONFIG
    if not path.exists():
        raise InputError(f"{folder}: expected the folder of a run (no {CONFIG} there)")
    return ConfigDict(json.loads(path.read_text()))


def read_result(folder: str | pathlib.Path) -> dict[str, Any]:
    """The row of a finished run; `InputError` where there is none."""
    path = pathlib.Path(folder) / RESULT
    if not path.exists():
        raise InputError(f"{folder}: no finished run there (no {RESULT})")
    return json.loads(path.read_text())


def steps_saved(folder: str | pathlib.Path) -> list[int]:
    """Steps of the finished checkpoints of a run, ascending."""
    found = (pathlib.Path(folder) / CHECKPOINTS).glob("*")
    return sorted(int(path.name) for path in found if path.name.isdigit())

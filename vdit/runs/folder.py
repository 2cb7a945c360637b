"""A run's folder: its config, its result, its checkpoints' steps. No JAX here: launchers ask too."""

import json
import pathlib
from collections.abc import Mapping
from typing import Any

from vdit.config.fingerprint import differences
from vdit.errors import InputError
from vdit.runs.files import write_json

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


def check_same_run(folder: str | pathlib.Path, config: Mapping[str, Any], write: bool) -> None:
    """Refuses to go on with a run of another config, naming the keys; else may `write` this one."""
    path = pathlib.Path(folder) / CONFIG
    if not path.exists():
        if write:
            write_json(path, config)
        return
    changed = differences(json.loads(path.read_text()), config)
    if changed:
        raise InputError(
            f"{folder} holds a run of another config; differs in: {'; '.join(changed)}"
        )


def steps_saved(folder: str | pathlib.Path) -> list[int]:
    """Steps of the finished checkpoints of a run, ascending."""
    found = (pathlib.Path(folder) / CHECKPOINTS).glob("*")
    return sorted(int(path.name) for path in found if path.name.isdigit())

"""In which mode a run trains: alone, or in which slots of which pack. No JAX: launchers ask too."""

import pathlib
from collections.abc import Sequence
from typing import Any

from vdit.runs import folder
from vdit.runs.files import find_json, require, write_json

MODE = "mode.json"


def record_mode(workdir: pathlib.Path, mode: str, pack: Sequence = ()) -> None:
    """Writes how a run trains: alone (`one`, `side_by_side`), or `packed`, and in which slots."""
    write_json(pathlib.Path(workdir) / MODE, {"mode": mode, "pack": list(pack)})


def recorded_mode(workdir: pathlib.Path) -> dict[str, Any]:
    """How a run trained that has a checkpoint to go on from; {} where it begins anew."""
    return read_mode(workdir) if folder.steps_saved(workdir) else {}


def read_mode(workdir: pathlib.Path) -> dict[str, Any]:
    """What `record_mode` wrote; {} where nothing is. Raises `DamagedFileError`."""
    path = pathlib.Path(workdir) / MODE
    kinds = {"mode": str, "pack": list}
    return find_json(path, "how a run trains", lambda found: require(found, kinds)) or {}

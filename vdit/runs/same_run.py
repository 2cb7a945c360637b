"""Whether a folder holds this run, or one of another config."""

import pathlib
from collections.abc import Mapping
from typing import Any

from vdit.config.fingerprint import differences
from vdit.errors import InputError
from vdit.runs.files import write_json
from vdit.runs.folder import CONFIG, read_config


def check_same_run(folder: str | pathlib.Path, config: Mapping[str, Any], write: bool) -> None:
    """Refuses to go on with a run of another config, naming the keys; else may `write` this one."""
    path = pathlib.Path(folder) / CONFIG
    if not path.exists():
        if write:
            write_json(path, config)
        return
    changed = differences(read_config(folder), config)
    if changed:
        raise InputError(
            f"{folder} holds a run of another config; differs in: {'; '.join(changed)}"
        )

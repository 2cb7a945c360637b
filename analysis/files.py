"""JSON read with one clear line where it is not what was expected."""

import json
import os
import pathlib
from typing import Any

from vdit.errors import InputError


def read_json(path: str | os.PathLike, what: str) -> dict[str, Any]:
    """Read a JSON object; InputError names the file and `what` was expected in it."""
    path = pathlib.Path(path)
    if not path.is_file():
        raise InputError(f"{path}: no such file, expected {what}")
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: not JSON ({error}), expected {what}") from error
    if not isinstance(value, dict):
        raise InputError(f"{path}: not a JSON object, expected {what}")
    return value

"""Files written whole or not at all, and JSON read with one clear line when it is not there."""

import json
import os
import pathlib

from analysis.table.schema import TableError


def write_text(path, text):
    """Write `text` to `path` atomically."""
    write_bytes(path, text.encode("utf-8"))


def write_bytes(path, data):
    """Write `data` to `path` atomically: a reader sees the old file or the new one."""
    path = pathlib.Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        temporary.write_bytes(data)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def write_json(path, value):
    """Write `value` as JSON, atomically. NaN is an error: a reader in another language fails."""
    write_text(path, json.dumps(value, indent=1, allow_nan=False) + "\n")


def read_json(path, what):
    """Read a JSON object; TableError names the file and `what` was expected in it."""
    path = pathlib.Path(path)
    if not path.is_file():
        raise TableError(f"{path}: no such file, expected {what}")
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise TableError(f"{path}: not JSON ({error}), expected {what}") from error
    if not isinstance(value, dict):
        raise TableError(f"{path}: not a JSON object, expected {what}")
    return value

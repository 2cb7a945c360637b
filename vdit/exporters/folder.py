"""A folder in a format of `vdit.exporters`: whole or not at all."""

import importlib
import os
import pathlib

from vdit.data.unfinished import unfinished
from vdit.errors import InputError
from vdit.exporters import FORMATS
from vdit.generator import Generator
from vdit.runs.files import sync


def check_new(out: str | os.PathLike) -> pathlib.Path:
    """`out` as a path; `InputError` where something is there already."""
    if (place := pathlib.Path(out)).exists():
        raise InputError(f"--out {out}: it is there already, expected a new folder")
    return place


def export(model: Generator, out: str | os.PathLike, kind: str) -> list[str]:
    """Writes the folder `out` in the format `kind`, whole or not at all; returns what it says.

    Raises `InputError` where `out` is there, or for what the format has no place for.
    """
    place = check_new(out)
    if kind not in FORMATS:
        raise InputError(f"format {kind!r}: expected {' or '.join(FORMATS)}")
    module = importlib.import_module(f"vdit.exporters.{kind}")
    with unfinished(place) as made:
        lines = module.write(model, made)
        os.rename(made, place)
        sync(place.parent)
    return lines

"""Bounds and baselines: what no checkpoint changes is found once for all of them."""

import functools
import hashlib
import json
import pathlib
from collections.abc import Callable
from typing import Any

import numpy as np

from vdit.runs.evaluations import Record
from vdit.runs.files import read_json, require, write_json

FOLDER = "bounds"  # in the folder of the latents, which has its name of the clips and their coder


def kept(
    folder: pathlib.Path, name: str, key: Any, find: Callable[[], list[Record]]
) -> list[Record]:
    """The records that `find` makes: read from FOLDER/NAME_HASH.json, else found and kept there.

    `key` is all that they depend on beside the clips that the folder belongs to. Any edit of the
    evaluators makes them anew. Raises `DamagedFileError`.
    """
    digest = hashlib.sha256(json.dumps([key, _sources()]).encode()).hexdigest()[:16]
    path = folder / f"{name}_{digest}.json"
    if not path.exists():
        write_json(path, {"key": key, "records": [record._asdict() for record in find()]})
    found = read_json(path, "bounds and baselines of scores", _check)
    return [_record(stored) for stored in found["records"]]


def _check(found: dict[str, Any]) -> None:
    """`ValueError` unless it is what `kept` writes."""
    require(found, {"records": list})


def _record(stored: dict[str, Any]) -> Record:
    """A value that is not finite is null in JSON, a tuple a list."""
    value = np.nan if stored["value"] is None else stored["value"]
    return Record(**stored | {"value": value, "compared_with": tuple(stored["compared_with"])})


@functools.cache
def _sources() -> str:
    """Of all that measures: scores of other code are other scores."""
    files = sorted(pathlib.Path(__file__).parent.rglob("*.py"))
    return hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()

"""How far validation is nearly training, as columns of the results table."""

import collections
import pathlib
from typing import Any

from vdit.config import buckets
from vdit.runs.files import read_json


def columns(data: Any) -> dict[str, int]:
    """Of `data` (the config's `data`), a prepared folder: its validation windows, those of them
    that are near-duplicates of training windows, those of these that were kept, and those that
    stand still and were not compared.

    Of a set of buckets, those of all; they were looked for in each. Empty for other data, and for
    folders that were prepared before any were looked for.
    """
    if data.name != "video_folder":
        return {}
    total = collections.Counter()
    for name in buckets.clips_of(data) or [""]:
        path = pathlib.Path(data.dir) / name / "vdit.json"
        total.update(_of_record(read_json(path, "what vdit.prepare wrote")))
    return dict(total)


def _of_record(record: dict[str, Any]) -> dict[str, int]:
    if "near_duplicates" not in record:
        return {}
    found = len(record["near_duplicates"]["windows"])
    kept = found * record["settings"]["keep_near_duplicates"]
    return {
        "validation_windows": record["counts"]["validation"]["windows"] + found - kept,
        "near_duplicates": found,
        "near_duplicates_kept": kept,
        "validation_still": record["near_duplicates"]["still"],
    }

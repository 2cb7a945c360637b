"""A folder that is made once, by all processes that are asked for the same."""

import json
import pathlib
from collections.abc import Callable, Mapping
from typing import Any

from vdit.data.video_folder import partial, units
from vdit.errors import InputError
from vdit.runs.files import read_json

WRITE = "write"  # the folder in the hidden one that has the units of the work (`units.share`)


def made_once(
    about: pathlib.Path, what: str, asked: Mapping[str, Any], make: Callable[[pathlib.Path], None]
) -> dict[str, Any]:
    """What the JSON file `about` says of its folder, which `make` makes out of a hidden one that it
    is given, unless it is there as `asked`: with these keys in `about`.

    Raises `InputError` where the folder holds anything else.
    """
    if not _is_there(about, what, asked):
        identity, worth = json.dumps(asked, sort_keys=True), f"{WRITE}/*/{units.DONE}"
        # A full disk or too little memory must not cost the hours of the units that are done.
        with partial.partial_folder(about.parent, identity, worth, (BaseException,)) as place:
            if not _is_there(about, what, asked):  # since we looked
                make(place)
    return read_json(about, what)


def _is_there(about: pathlib.Path, what: str, asked: Mapping[str, Any]) -> bool:
    out = about.parent
    if not out.exists() or (out.is_dir() and not any(out.iterdir())):
        return False
    there = read_json(about, what) if about.is_file() else {}
    different = [key for key in asked if there.get(key) != asked[key]]
    if different:
        raise InputError(
            f"--out {out}: holds something else ({', '.join(different)}); name another"
        )
    return True

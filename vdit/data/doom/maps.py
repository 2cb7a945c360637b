"""The maps of Freedoom's two WAD files, read as data: their names, and places in them."""

import pathlib
from typing import NamedTuple

import numpy as np

from vdit.data.world_options import SPLITS

WADS = ("freedoom1.wad", "freedoom2.wad")
HELD_OUT = 5  # each fifth map is one of validation, whatever the seed: no map is on both sides

_HEADER = np.dtype([("magic", "S4"), ("count", "<i4"), ("directory", "<i4")])
_LUMP = np.dtype([("offset", "<i4"), ("bytes", "<i4"), ("name", "S8")])
_THING = np.dtype([(name, "<i2") for name in ("x", "y", "angle", "type", "flags")])


class Map(NamedTuple):
    """`places` (N, 2) are where its designer put monsters, items and players, in map units."""

    wad: str
    name: str
    places: np.ndarray


def maps_of(split: str, folder: pathlib.Path) -> list[Map]:
    """The maps of "train" or "validation" in the WAD files of a folder."""
    maps = [found for wad in WADS for found in read_maps(folder / wad)]
    held_out = split == SPLITS[1]
    return [found for i, found in enumerate(maps) if (i % HELD_OUT == HELD_OUT - 1) == held_out]


def read_maps(path: pathlib.Path) -> list[Map]:
    """The maps of a WAD file: its directory has each one's name, then its lumps, THINGS first."""
    header = np.fromfile(path, _HEADER, 1)[0]
    lumps = np.fromfile(path, _LUMP, header["count"], offset=int(header["directory"]))
    found = []
    for i in np.flatnonzero(lumps["name"] == b"THINGS"):
        count, offset = int(lumps[i]["bytes"]) // _THING.itemsize, int(lumps[i]["offset"])
        things = np.fromfile(path, _THING, count, offset=offset)
        name = lumps[i - 1]["name"].decode("ascii")
        found.append(Map(path.name, name, np.stack([things["x"], things["y"]], axis=1)))
    return found

"""Sweeps that were judged, kept in a file as they come: a stop loses none, a later run goes on.

A line of JSON for each part: what was judged of which sweeps. A part is counted where it was judged
by the code of now: what another fit said is not mixed in.
"""

import hashlib
import json
import os
import pathlib
from collections.abc import Callable
from typing import Any

from analysis.calibration import designs, grids
from vdit.errors import InputError

# What judging runs.
ROOMS = (
    *("calibration", "engine", "fitting", "frontier", "laws", "planning", "scores", "table"),
    "verdict",
)

Job = tuple[designs.Design | grids.Grid, int, int, int]  # design, seed, first sweep, one past last
Judged = dict[str, list] | list


class Kept:
    """The parts in a file that one kind of `work` judged by this code.

    InputError of a line that is none. One process at a time may add.
    """

    def __init__(self, path: str | os.PathLike, work: Callable[[Job], tuple[str, Any]]):
        self.path, self.code = pathlib.Path(path), _code()
        self.work = f"{work.__module__}.{work.__qualname__}"
        self.parts: dict[tuple, list[Judged]] = {}
        self.counts: dict[tuple, int] = {}  # sweeps, from the first on
        self.others = 0  # parts by other code
        for number, line in enumerate(self._whole().splitlines(), 1):
            self._read(number, line)

    def of(self, design: designs.Design | grids.Grid, seed: int) -> tuple[int, list[Judged]]:
        """Of how many sweeps of a design, from its first on, and what was judged."""
        key = (type(design).__name__, design.name, seed)
        return self.counts.get(key, 0), self.parts.get(key, [])

    def add(self, job: Job, judged: Judged) -> None:
        """Append a part; behind what was torn by a stop, which goes."""
        design, seed, first, last = job
        part = [self.work, self.code, type(design).__name__, design.name, seed, first, last, judged]
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with open(self.path, "ab") as file:
            file.truncate(len(self._whole()))
            file.write(json.dumps(part).encode() + b"\n")

    def _whole(self):
        text = self.path.read_bytes() if self.path.exists() else b""
        return text[: text.rfind(b"\n") + 1]

    def _read(self, number, line):
        try:
            work, code, *key, first, last, judged = json.loads(line)
        except (ValueError, TypeError) as error:
            raise InputError(
                f"{self.path}: line {number} is no part of a calibration, expected a file that "
                "--kept wrote"
            ) from error
        if work != self.work:
            return
        key = tuple(key)
        if code != self.code:
            self.others += 1
        elif first == self.counts.get(key, 0):  # else there twice
            self.counts[key] = last
            self.parts.setdefault(key, []).append(judged)


def _code():
    folder = pathlib.Path(__file__).parent.parent
    files = sorted(file for room in ROOMS for file in (folder / room).glob("*.py"))
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()[:12]

"""Captions for all training clips, given ones and those that a captioner wrote (`vdit.caption`).

A folder of two files: `captions.csv`, a row for each clip of the train split in their order, and
`captions.json`, which says of what clips, by which captioner. Of a set of buckets a folder of such
folders, by the buckets' names.
"""

import csv
import hashlib
import pathlib
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from ml_collections import ConfigDict

from vdit.errors import InputError
from vdit.runs.files import DamagedFileError, read_json

TABLE, ABOUT = "captions.csv", "captions.json"
GIVEN, WRITTEN = "given", "written"  # provenances
WHAT = "what vdit.caption wrote"


class Row(NamedTuple):
    """A clip of the train split: its number, the file that it is of, if any, and its caption; the
    confidence of a written one."""

    clip: int
    video_file_name: str
    caption: str
    provenance: str
    confidence: float | str = ""


def all_clips(data: Any) -> ConfigDict:
    """`data` without a limit to the training clips of a set that has an end, and as it is given:
    captions are written of clips, however they are embedded afterwards."""
    from vdit.data.sources import ENDLESS

    whole = ConfigDict(data.to_dict())
    whole.captions = whole.embeddings = ""
    if whole.name not in ENDLESS:
        whole.train_clips = 0
    return whole


def fingerprint_of(table: pathlib.Path) -> str:
    """Identity of a table: 12 hex digits of the SHA-256 of its bytes."""
    with table.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:12]


def write(path: pathlib.Path, rows: list[Row], header: bool = True) -> None:
    """Writes rows as CSV."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n", quoting=csv.QUOTE_ALL)  # \r, too
        writer.writerows([Row._fields] * header + rows)


def read(folder: pathlib.Path, clips_of: str) -> tuple[list[str], str]:
    """Captions of a folder, by the number of a clip, and their fingerprint. Raises `InputError`
    where it holds none, or those of other clips, `DamagedFileError` where they are damaged."""
    about = _about(folder)
    if about["clips_of"] != clips_of:
        raise InputError(
            f"data.captions {folder}: of the clips of {about['clips_of']}, expected {clips_of}, "
            "those of this data set; python -m vdit.caption writes them"
        )
    if (found := fingerprint_of(folder / TABLE)) != about["fingerprint"]:
        raise DamagedFileError(f"{folder / TABLE}: damaged, expected {WHAT}")
    with (folder / TABLE).open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    if [row["clip"] for row in rows] != [str(clip) for clip in range(about["clips"])]:
        raise InputError(
            f"{folder / TABLE}: expected a row for each clip from 0 to {about['clips'] - 1}, in "
            "order; delete the folder, and python -m vdit.caption writes it again"
        )
    return [row["caption"] for row in rows], found


def _about(folder: pathlib.Path) -> dict[str, Any]:
    if not (folder / ABOUT).is_file():
        raise InputError(
            f"data.captions {folder}: no captions there; python -m vdit.caption writes them"
        )
    return read_json(folder / ABOUT, WHAT)


class Recaptioned:
    """A source of training clips whose captions are those of a folder of captions; those `beside`,
    of other buckets, count for its fingerprint, for a run is named by that of its own bucket."""

    def __init__(
        self, source: Any, folder: pathlib.Path, clips_of: str, beside: Sequence[pathlib.Path] = ()
    ):
        self._source, self.available = source, getattr(source, "available", len(source))
        self._captions, written = read(folder, clips_of)
        self.name = source.name
        text = " ".join([source.fingerprint, written, *(_about(x)["fingerprint"] for x in beside)])
        self.fingerprint = hashlib.sha256(text.encode()).hexdigest()[:12]

    def __len__(self) -> int:
        return len(self._source)

    def __getitem__(self, index: int) -> dict[str, Any]:
        return self._source[index] | {"caption": self._captions[self._number(index)]}

    def captions(self) -> list[str]:
        """Those of all its clips, in order."""
        return [self._captions[self._number(i)] for i in np.arange(len(self))]

    def _number(self, index: int) -> int:
        """Among all clips, of which the source may be an even choice."""
        return int(index) * self.available // len(self._source)

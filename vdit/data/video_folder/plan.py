"""What is to be cut, found once for all processes: the sorted videos in slices, and settings."""

import dataclasses
import hashlib
import json
import os
import pathlib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from vdit.data.video_folder import folder, listing, record
from vdit.data.video_folder.catalogue import Listed
from vdit.data.video_folder.ingest import Settings
from vdit.data.video_folder.request import Request
from vdit.runs.files import read_json, write_text

# A slice ends with the first of these: work that a kill loses, and videos in memory at once.
SLICE_FILES, SLICE_BYTES = 64, 1 << 30


class Plan:
    """The plan as it lies in a folder: one slice of its videos in memory at a time."""

    def __init__(self, path: pathlib.Path, there: Mapping[str, Any]):
        self._path = path
        self.settings = Settings(**there["settings"])
        self.ignored, self.messages = there["ignored"], there["messages"]
        self._firsts = there["firsts"]  # index of each slice's first video, and how many there are
        self.slices = [f"{index:06d}" for index in range(len(self._firsts) - 1)]

    def __len__(self) -> int:
        return self._firsts[-1]

    def first(self, name: str) -> int:
        """Index among all of a slice's first video."""
        return self._firsts[int(name)]

    def count(self, name: str) -> int:
        """How many videos a slice has."""
        return self._firsts[int(name) + 1] - self.first(name)

    def videos(self, name: str) -> list[Listed]:
        """Those of one slice."""
        rows = read_json(self._path / f"{name}.json", "a slice of the videos")["videos"]
        return [Listed(*row) for row in rows]


def identity(asked: Request) -> str:
    """Names a command by its flags and by names, sizes and times of the files that it may read.

    A sum over files, so that neither their order nor a list of them is needed.
    """
    folder.check(asked.videos)
    flags = {key: str(value) for key, value in vars(asked).items() if key != "out"}
    beside = [pathlib.Path(str(path)) for path in (asked.captions, asked.split) if path]
    total = sum(map(_file_digest, (*folder.walk(asked.videos), *beside)))
    text = json.dumps({**flags, "files": total % 2**256, "version": record.VERSION})
    return hashlib.sha256(text.encode()).hexdigest()


def _file_digest(path: pathlib.Path) -> int:
    try:
        stat = path.stat()
        state = (stat.st_size, stat.st_mtime_ns)
    except OSError:
        state = None
    return int(hashlib.sha256(os.fsencode(f"{path}\0{state}")).hexdigest(), 16)


def write(asked: Request, path: pathlib.Path) -> dict[str, Any]:
    """Writes the slices of what is listed into a folder; returns what `Plan` takes."""
    firsts = [0]
    with listing.listing(asked) as listed:
        for part in _slices(listed.videos, asked.videos):
            text = json.dumps({"videos": part}, ensure_ascii=True)
            write_text(path / f"{len(firsts) - 1:06d}.json", text)
            firsts.append(firsts[-1] + len(part))
    settings = dataclasses.asdict(listed.settings)
    told = {"ignored": listed.ignored, "messages": listed.messages}
    return {"firsts": firsts, "settings": settings, **told}


def _slices(videos: Iterable[Listed], root: pathlib.Path) -> Iterator[list[Listed]]:
    part, size = [], 0
    for video in videos:
        part.append(video)
        size += folder.size(root / video.name)
        if len(part) == SLICE_FILES or size >= SLICE_BYTES:
            yield part
            part, size = [], 0
    if part:
        yield part

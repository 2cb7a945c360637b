"""What a user is told of a prepared folder: the closing table, and lines."""

import collections
from collections.abc import Iterable
from typing import Any

from vdit.data.video_folder.ingest import Video
from vdit.data.video_folder.near_duplicates import Found


def table(videos: Iterable[Video]) -> str:
    """The closing table: each file that was not read whole, and why; what was noted of others."""
    rows = [("file", "read", "frames", "windows", "reason")]
    noted, count = collections.defaultdict(Some), 0
    for v in videos:
        count += 1
        for note in v.notes:
            noted[note].add(v.name)
        if v.status != "whole":
            rows.append((v.name, v.status, str(v.frames), str(len(v.places)), v.reason))
    remarks = [f"{note}: {names}" for note, names in sorted(noted.items())]
    if len(rows) == 1:
        return "\n".join([*remarks, f"all {count} files were read whole"])
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    lines = ["  ".join([*map(str.ljust, row, widths), row[4]]) for row in rows]
    return "\n".join([*remarks, *lines, f"{len(rows) - 1} of {count} files were not read whole"])


def duplicates(found: Found, kept: bool) -> str:
    """One line: how many validation windows training has nearly seen, and where."""
    like = [f"{video} like {name}" for video, name in {(v.name, of): 0 for v, _, of in found.pairs}]
    where = f" ({some(like)}): {'kept' if kept else 'left out'}" if like else ""
    return (
        f"{len(found.pairs)} of {found.windows} validation windows are near-duplicates of training "
        f"windows{where}; {found.still} stand still and were not compared"
    )


def summary(head: dict[str, Any]) -> str:
    """One line: windows and videos of each split, shape, fingerprint."""
    parts = [
        f"{split} {count['windows']} windows of {count['videos']} videos"
        for split, count in head["counts"].items()
    ]
    shape = "x".join(str(head["settings"][key]) for key in ("frames", "height", "width"))
    if head["fps"]:
        shape += f" at {head['fps']:g} fps"
    return f"{', '.join(parts)}, each {shape}, fingerprint {head['fingerprint']}"


def some(names: Iterable[str]) -> str:
    """The first three names and the number of the others."""
    found = Some()
    for name in names:
        found.add(name)
    return str(found)


class Some:
    """Names, of which the first three and the number are kept."""

    def __init__(self) -> None:
        self.count, self._first = 0, []

    def add(self, name: str) -> None:
        self.count += 1
        if self.count <= 3:
            self._first.append(name)

    def __str__(self) -> str:
        shown = ", ".join(self._first)
        return shown if self.count <= 3 else f"{shown} and {self.count - 3} more"

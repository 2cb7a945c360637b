"""The videos as they were cut: slice by slice on disk, one of them in memory at a time."""

import json
import pathlib
from collections.abc import Callable, Iterator
from typing import Any

from vdit.data.video_folder import cutting
from vdit.data.video_folder.ingest import Video
from vdit.data.video_folder.plan import Plan
from vdit.runs.files import parsed, write_text

FILE = "videos.jsonl"
# What is kept of a video: all of it but where its windows wait, and what is decided later.
KEPT = (
    *("name", "caption", "sha256", "side"),
    *("status", "reason", "frames", "lost", "fps", "places", "notes"),
)


def cut(
    plan: Plan,
    name: str,
    root: pathlib.Path,
    folder: pathlib.Path,
    on_frame: Callable[[Video], None],
    on_file: Callable[[Video], None],
) -> dict[str, Any]:
    """Cuts a slice into a folder: windows wait in spools, the rest is in `FILE`."""
    videos = [
        Video(video.name, video.caption, _spool(folder, index), side=video.side)
        for index, video in enumerate(plan.videos(name))
    ]
    for video in cutting.cut_all(videos, root, plan.settings, on_frame, cutting.cores()):
        on_file(video)
    rows = (json.dumps({key: getattr(video, key) for key in KEPT}) for video in videos)
    write_text(folder / FILE, "".join(f"{row}\n" for row in rows))
    return {}


class Cut:
    """All videos of a plan, or those of a stretch of it, in order, each time they are asked for."""

    def __init__(self, plan: Plan, place: pathlib.Path):
        self.plan, self._place = plan, place

    def __iter__(self) -> Iterator[Video]:
        return self.part(0, len(self.plan))

    def part(self, first: int, end: int) -> Iterator[Video]:
        """Videos from index `first` to before `end`."""
        for name in self.plan.slices:
            start = self.plan.first(name)
            if start < end and start + self.plan.count(name) > first:
                found = _read(self._place / name, start)
                yield from (video for video in found if first <= video.index < end)


def _read(folder: pathlib.Path, first: int) -> Iterator[Video]:
    with (folder / FILE).open("rb") as lines:
        for index, line in enumerate(lines):
            row = parsed(line)
            row["places"] = [tuple(place) for place in row["places"]]
            yield Video(spool=_spool(folder, index), index=first + index, **row)


def _spool(folder: pathlib.Path, index: int) -> pathlib.Path:
    return folder / f"{index}.spool"

"""What is decided of all videos once they are cut: splits, windows that are left out, shards."""

import collections
import pathlib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np

from vdit.data.video_folder import near_duplicates, record, report, splits
from vdit.data.video_folder.ingest import Settings, Video
from vdit.data.video_folder.near_duplicates import Found
from vdit.data.video_folder.request import Request
from vdit.data.video_folder.slices import Cut
from vdit.errors import InputError

SHARD_BYTES = 256 << 20


class Shard(NamedTuple):
    """A file of the data set: the windows of videos `first` to before `end` that are of `split`."""

    split: str
    first: int
    end: int


class Decided:
    """The videos of a plan, each with its split and the windows that are left out."""

    def __init__(self, cut: Cut, there: Mapping[str, Any]):
        self.plan, self._cut = cut.plan, cut
        self._held = np.zeros(len(cut.plan), bool)
        self._held[there["held"]] = True
        self._left_out = {int(index): set(of) for index, of in there["left_out"].items()}
        self.near_duplicates, self.message = there.get("near_duplicates"), there.get("message")
        self.windows = there.get("windows")  # of all, as the data set has them
        self.shards = {name: Shard(*row) for name, row in there["shards"].items()}

    def __len__(self) -> int:
        return len(self.plan)

    def __iter__(self) -> Iterator[Video]:
        return self.part(0, len(self.plan))

    def part(self, first: int, end: int) -> Iterator[Video]:
        """Videos from index `first` to before `end`."""
        for video in self._cut.part(first, end):
            video.split = splits.SPLITS[int(self._held[video.index])]
            video.left_out = self._left_out.get(video.index, set())
            yield video

    def of(self, shard: Shard) -> Iterator[Video]:
        """The videos of a shard that have windows."""
        there = self.part(shard.first, shard.end)
        return (video for video in there if video.split == shard.split and video.windows)


def split(cut: Cut, asked: Request, folder: pathlib.Path) -> dict[str, Any]:
    """What `Decided` takes while near-duplicates are not known, and of `moving` what
    `near_duplicates.Held` takes, with the folder. Raises `InputError` for too many unreadable
    files, and where a split would have no window."""
    settings = cut.plan.settings
    _check_readable(cut, asked.max_bad)
    if asked.split:
        held = splits.held_as_asked(cut)
    else:
        held = splits.held_out(cut, settings.validation, settings.seed)
    there = {"held": np.flatnonzero(held).tolist(), "left_out": {}, "shards": {}}
    return there | {"moving": near_duplicates.describe(Decided(cut, there), settings, folder)}


def decide(cut: Cut, there: Mapping[str, Any], found: Found) -> dict[str, Any]:
    """What `Decided` takes, of what `split` said and the near-duplicates that were found; raises
    `InputError` where all validation windows are such."""
    settings = cut.plan.settings
    there = {key: there[key] for key in ("held", "shards")} | _left_out(found, settings)
    videos = Decided(cut, there)
    windows = sum(video.windows for video in videos)
    return there | {"windows": windows, "shards": _shards(videos, settings)}


def _check_readable(videos: Iterable[Video], max_bad: float) -> None:
    counts, some = collections.Counter(), report.Some()
    for video in videos:
        counts[video.status] += 1
        if video.status == "unreadable":
            some.add(video.name)
    if some.count > max_bad * counts.total():
        raise InputError(
            f"{some.count} of {counts.total()} files are unreadable ({some}), more than "
            f"--max_bad {max_bad:g} allows"
        )


def _left_out(found: Found, settings: Settings) -> dict[str, Any]:
    """The windows to leave out of validation unless they are to be kept, and a message."""
    keep = settings.keep_near_duplicates
    if found.pairs and len(found.pairs) == found.windows and not keep:
        raise InputError(
            f"{report.duplicates(found, keep)}; all validation windows are near-duplicates of "
            "training windows: expected other --groups or --split, or --keep_near_duplicates"
        )
    left_out = collections.defaultdict(list)
    for video, window, _ in found.pairs if not keep else ():
        left_out[video.index].append(window)
    return {
        "left_out": left_out,
        "near_duplicates": record.near_duplicates(found),
        "message": report.duplicates(found, keep),
    }


def _shards(videos: Iterable[Video], settings: Settings) -> dict[str, Shard]:
    """Whole videos, grouped in order to about `SHARD_BYTES` each; by the names of work units."""
    shards: dict[str, Shard] = {}
    last, free = {}, collections.Counter()  # of each split
    window = settings.frames * settings.height * settings.width * 3
    for video in (video for video in videos if video.windows):
        split = video.split
        if free[split] <= 0:
            last[split] = last.get(split, -1) + 1
            free[split] = SHARD_BYTES
        name = f"{split}-{last[split]:05d}"
        first = shards[name].first if name in shards else video.index
        shards[name] = Shard(split, first, video.index + 1)
        free[split] -= window * len(video.places)
    return shards

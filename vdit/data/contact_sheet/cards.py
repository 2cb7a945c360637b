"""What a contact sheet says of each file of a prepared folder, and which files it lists."""

import dataclasses
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from vdit.data.video_folder.ingest import Video

FIRST = 200  # files of each split, by name, that are listed whatever is said of them
MOST = 2000  # files beyond these that are listed for what is said of them
SAME_RATE = 0.01  # relative: nearer to the set's rate, no file is resampled


class Kind(NamedTuple):
    """A kind of remark: its words, and whether a file is listed for it in a large set."""

    words: str
    calls: bool


KINDS = {
    "unreadable": Kind("unreadable", True),
    "part": Kind("read in part", True),
    "short": Kind("no window", True),
    "duplicate": Kind("near-duplicate", True),
    "noted": Kind("noted", True),
    "resampled": Kind("other rate", False),
    "uncaptioned": Kind("no caption", False),
}


class Remark(NamedTuple):
    """One thing to know of a file: a key of `KINDS`, and the particulars, "" where none."""

    kind: str
    text: str


@dataclasses.dataclass(frozen=True)
class Card:
    """A file: its frames are those that could be read, its windows those of the data set; `fps` is
    its own rate, None where the file has none. `split` is "" where it has no window."""

    name: str
    caption: str
    split: str
    windows: int
    frames: int
    fps: float | None
    remarks: tuple[Remark, ...]

    @property
    def calls(self) -> bool:
        """Whether something is to be known of it that is not so of many a file."""
        return any(KINDS[remark.kind].calls for remark in self.remarks)


class Cards:
    """A card for each video of a prepared folder, by name, made anew each time it is asked for."""

    def __init__(self, record: Mapping[str, Any], videos: Collection[Video]):
        self._like, self._fps = _likeness(record), record["settings"]["fps"]
        self._videos = videos

    def __len__(self) -> int:
        return len(self._videos)

    def __iter__(self) -> Iterator[Card]:
        for v in self._videos:
            split = v.split if v.windows else ""
            remarks = tuple(_remarks(v, self._like.get(v.name, []), self._fps))
            yield Card(v.name, v.caption, split, v.windows, v.frames, v.fps, remarks)


def _remarks(video: Video, like: list[str], asked: float | None) -> list[Remark]:
    found = [Remark(video.status, video.reason)] * (video.status != "whole")
    found += [Remark("duplicate", text) for text in like]
    found += [Remark("noted", note) for note in video.notes]
    own = video.fps
    if own and asked and abs(own / asked - 1) >= SAME_RATE:
        found.append(Remark("resampled", f"{own:.3g} frames a second, read at {asked:.3g}"))
    return found + [Remark("uncaptioned", "")] * (not video.caption)


def _likeness(record: Mapping[str, Any]) -> defaultdict[str, list[str]]:
    """For each file of validation that has near-duplicates, how many are like which."""
    starts = defaultdict(list)
    for window in record["near_duplicates"]["windows"]:
        starts[window["file"], window["like"]].append(window["start"])
    fate = "kept" if record["settings"]["keep_near_duplicates"] else "left out"
    found = defaultdict(list)
    for (name, like), frames in starts.items():
        count = f"{len(frames)} window{'s' * (len(frames) > 1)}"
        found[name].append(f"{count} like training's {like}, {fate}")
    return found


def listed(cards: Iterable[Card]) -> list[Card]:
    """The first `FIRST` of each split and up to `MOST` others that something is to be known of, in
    their order."""
    counts, room, found = defaultdict(int), MOST, []
    for card in cards:
        counts[card.split] += 1
        if counts[card.split] <= FIRST:
            found.append(card)
        elif card.calls and room:
            room -= 1
            found.append(card)
    return found

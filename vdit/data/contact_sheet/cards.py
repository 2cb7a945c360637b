"""What a contact sheet says of each file of a prepared folder, and which files it lists."""

import dataclasses
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

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


def of(record: Mapping[str, Any]) -> list[Card]:
    """A card for each file of the record of a prepared folder (`vdit.json`), by name."""
    faults = {fault["file"]: fault for fault in record["not_whole"]}
    like = _likeness(record)
    asked = record["settings"]["fps"]
    return [
        Card(
            name,
            file["caption"],
            file["split"],
            file["windows"],
            file["frames"],
            file.get("fps"),
            tuple(_remarks(file, faults.get(name), like[name], asked)),
        )
        for name, file in record["files"].items()
    ]


def _remarks(
    file: Mapping[str, Any], fault: Mapping[str, str] | None, like: list[str], asked: float | None
) -> list[Remark]:
    found = [Remark(fault["read"], fault["reason"])] if fault else []
    found += [Remark("duplicate", text) for text in like]
    found += [Remark("noted", note) for note in file["notes"]]
    own = file.get("fps")
    if own and asked and abs(own / asked - 1) >= SAME_RATE:
        found.append(Remark("resampled", f"{own:.3g} frames a second, read at {asked:.3g}"))
    return found + [Remark("uncaptioned", "")] * (not file["caption"])


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


def listed(cards: Sequence[Card]) -> list[Card]:
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

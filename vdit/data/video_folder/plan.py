"""What is to be cut, found once for all processes: the sorted videos in slices, and settings."""

import collections
import dataclasses
import hashlib
import json
import os
import pathlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from vdit.data.video_folder import captions, container, folder, record, splits, windows
from vdit.data.video_folder.ingest import Settings
from vdit.data.video_folder.request import Request
from vdit.runs.files import read_json, write_text

FEW_CROPS = 200  # --tile auto cuts tiles where the headers promise fewer crops than this
# A slice ends with the first of these: work that a kill loses, and videos in memory at once.
SLICE_FILES, SLICE_BYTES = 64, 1 << 30


class Listed(NamedTuple):
    """A video of the folder, what is said of it, and its side of the split or its recording."""

    name: str
    caption: str
    side: str  # "": none


class Listing(NamedTuple):
    """All videos, in order of name; files that are none; settings; what a user is told."""

    videos: Sequence[Listed]
    ignored: list[str]
    settings: Settings
    said: list[str]


class Plan:
    """The plan as it lies in a folder: one slice of its videos in memory at a time."""

    def __init__(self, path: pathlib.Path, there: Mapping[str, Any]):
        self._path = path
        self.settings = Settings(**there["settings"])
        self.ignored, self.said = there["ignored"], there["said"]
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


def listing(asked: Request) -> Listing:
    """Looks at the folder, its captions and the headers of its videos.

    Raises `InputError` for what can't be listed, captioned or grouped as asked.
    """
    names, others = folder.list_files(asked.videos)
    found = _captions(asked, names, others)
    said = [str(found)]
    settings = _settings(asked, names, said.append)
    ignored = [name for name in others if name not in found.files]
    if ignored:
        said.append(f"ignored {record.some(ignored)}: not videos by their names")
    sides = _sides(asked, names, found, said.append)
    videos = [Listed(name, found.of[name], sides.get(name, "")) for name in names]
    return Listing(videos, ignored, settings, said)


def write(listed: Listing, root: pathlib.Path, path: pathlib.Path) -> dict[str, Any]:
    """Writes the slices into a folder; returns what `Plan` takes."""
    firsts = [0]
    for part in _slices(listed.videos, root):
        text = json.dumps({"videos": part}, ensure_ascii=True)
        write_text(path / f"{len(firsts) - 1:06d}.json", text)
        firsts.append(firsts[-1] + len(part))
    settings = dataclasses.asdict(listed.settings)
    return {"firsts": firsts, "settings": settings, "ignored": listed.ignored, "said": listed.said}


def _slices(videos: Sequence[Listed], root: pathlib.Path) -> Iterator[list[Listed]]:
    part, size = [], 0
    for video in videos:
        part.append(video)
        size += folder.size(root / video.name)
        if len(part) == SLICE_FILES or size >= SLICE_BYTES:
            yield part
            part, size = [], 0
    if part:
        yield part


def _captions(asked: Request, names: list[str], others: list[str]) -> captions.Captions:
    if asked.labels:
        return captions.of_folders(names)
    columns = (asked.caption_column, asked.file_column)
    return captions.captions_for(asked.videos, names, others, asked.captions, *columns)


def _settings(asked: Request, names: list[str], say: Callable[[str], None]) -> Settings:
    same = {
        key: getattr(asked, key)
        for key in ("frames", "stride", "validation", "seed", "keep_near_duplicates")
    }
    hop = asked.hop or windows.span(asked.frames, asked.stride)
    fps = asked.fps or _commonest_rate(asked.videos, names, say)
    tile = asked.tile == "always"
    if asked.tile == "auto":
        crops = sum(container.frames_by_header(asked.videos / name) // hop for name in names)
        tile = crops < FEW_CROPS
        say(f"--tile auto: about {crops} crops: {'tiles' if tile else 'crops'}")
    return Settings(height=asked.size[0], width=asked.size[1], hop=hop, tile=tile, fps=fps, **same)


def _commonest_rate(
    root: pathlib.Path, names: list[str], say: Callable[[str], None]
) -> float | None:
    """Frames a second that most headers say, about; says it where files differ."""
    rates = collections.Counter(container.rate_by_header(root / name) for name in names)
    rates.pop(None, None)
    if not rates:
        return None

    def files(fps: float) -> int:
        return sum(n for rate, n in rates.items() if container.same_rate(rate, fps))

    fps = max(rates, key=lambda rate: (files(rate), rates[rate]))
    if others := rates.total() - files(fps):
        say(
            f"{files(fps)} of {len(names)} files have {fps:g} frames a second: {others} others are "
            f"resampled to that (--fps)"
        )
    return fps


def _sides(
    asked: Request, names: list[str], found: captions.Captions, say: Callable[[str], None]
) -> Mapping[str, str]:
    """What `--split` or `--groups` say of each video; a proposal where neither is given."""
    if asked.split:
        return splits.read_splits(asked.split, names, asked.file_column)
    if asked.groups:
        grouping = splits.groups_of(asked.groups, names, found.rows)
        say(grouping.words)
        return grouping.of
    if line := splits.proposal(names):
        say(line)
    return {}

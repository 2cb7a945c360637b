"""What lies in a folder of videos: names, captions, recordings, and the settings that fit them."""

import collections
import pathlib
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from vdit.data.video_folder import captions, container, folder, report, splits, windows
from vdit.data.video_folder.ingest import Settings
from vdit.data.video_folder.request import Request

FEW_CROPS = 200  # --tile auto cuts tiles where the headers promise fewer crops than this


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


def listing(asked: Request) -> Listing:
    """Looks at the folder, its captions and the headers of its videos.

    Raises `InputError` for what can't be listed, captioned or grouped as asked.
    """
    kinds = folder.EXTENSIONS | (folder.PICTURES if asked.frames == 1 else frozenset())
    names, others = folder.list_files(asked.videos, extensions=kinds)
    found = _captions(asked, names, others)
    said = [str(found)]
    settings = _settings(asked, names, said.append)
    ignored = [name for name in others if name not in found.files]
    if ignored:
        said.append(f"ignored, as not videos by their names: {report.some(ignored)}")
    sides = _sides(asked, names, found, said.append)
    videos = [Listed(name, found.of[name], sides.get(name, "")) for name in names]
    return Listing(videos, ignored, settings, said)


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
        fewer = f"fewer than {FEW_CROPS}: tiles at native resolution are cut"
        how = fewer if tile else "enough: centre crops, resized, are cut"
        say(f"--tile auto: a crop of each window would make about {crops}, {how}")
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
            f"{files(fps)} of {len(names)} files have about {fps:g} frames a second; other rates, "
            f"of {others}, are resampled to that (--fps)"
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

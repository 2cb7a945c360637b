"""A folder of videos to a prepared one: listed, cut, split by video and written, or left alone."""

import collections
import dataclasses
import json
import os
import pathlib
import threading
import time
from collections.abc import Iterable

import tqdm

from vdit.data import contact_sheet
from vdit.data.video_folder import (
    captions,
    container,
    cutting,
    folder,
    near_duplicates,
    record,
    splits,
    windows,
)
from vdit.data.video_folder.ingest import Settings, Video
from vdit.data.video_folder.partial import partial_folder
from vdit.errors import InputError

FEW_CROPS = 200  # --tile auto cuts tiles where the headers promise fewer crops than this


@dataclasses.dataclass(frozen=True)
class Request:
    """What is asked for: the command's flags. A `hop` of None is a window's span."""

    videos: pathlib.Path
    out: pathlib.Path
    frames: int
    size: tuple[int, int]
    captions: str | None = None  # a table's path, "sidecars", "none"; None: what is there
    caption_column: str | None = None
    file_column: str | None = None
    labels: str | None = None  # or "folder"
    stride: int = 1
    fps: float | None = None  # the rate that most files have
    hop: int | None = None
    tile: str = "never"  # or "always", "auto"
    validation: float = 0.1
    max_bad: float = 0.05
    seed: int = 0
    groups: str | None = None  # a column of the captions, or a regular expression
    split: pathlib.Path | None = None
    keep_near_duplicates: bool = False


def prepare(asked: Request) -> None:
    """Prepares the folder, or says that it is there already; prints and shows how it goes on.

    Raises `InputError` for what can't be read, split or written; nothing is left behind then.
    """
    started = time.monotonic()
    names, others = folder.list_files(asked.videos)
    found = _captions(asked, names, others)
    print(found)
    ignored = [name for name in others if name not in found.files]
    settings = _settings(asked, names)
    if ignored:
        print(f"ignored, as not videos by their names: {record.some(ignored)}")
    hashed = _bar(names, "hashing", "file")
    hashes = {name: folder.file_hash(asked.videos / name) for name in hashed}
    sides = _sides(asked, names, found)
    made_of = record.inputs(settings, hashes, found.of, sides)
    if record.is_there(asked.out, made_of):
        print(f"{asked.out}: prepared already, fingerprint {record.fingerprint(made_of)}")
        return
    with partial_folder(asked.out) as partial:
        videos = _cut(asked.videos, settings, made_of, partial)
        print(record.table(videos))
        _check_readable(videos, asked.max_bad)
        if asked.split:
            splits.assign_as(videos, sides)
        else:
            splits.assign(videos, settings.validation, settings.seed, sides)
        near = _near_duplicates(videos, settings)
        described = record.describe(made_of, videos, ignored, near)
        _write(partial, asked.out, videos, settings, described)
    print(f"{asked.out}: {record.summary(described)}, {time.monotonic() - started:.1f} s")
    print(f"{asked.out / contact_sheet.FILE}: the files at a glance, for a browser")


def _captions(asked: Request, names: list[str], others: list[str]) -> captions.Captions:
    if asked.labels:
        return captions.of_folders(names)
    columns = (asked.caption_column, asked.file_column)
    return captions.captions_for(asked.videos, names, others, asked.captions, *columns)


def _settings(asked: Request, names: list[str]) -> Settings:
    same = {
        key: getattr(asked, key)
        for key in ("frames", "stride", "validation", "seed", "keep_near_duplicates")
    }
    hop = asked.hop or windows.span(asked.frames, asked.stride)
    fps = asked.fps or _commonest_rate(asked.videos, names)
    tile = asked.tile == "always"
    if asked.tile == "auto":
        crops = sum(container.frames_by_header(asked.videos / name) // hop for name in names)
        tile = crops < FEW_CROPS
        fewer = f"fewer than {FEW_CROPS}: tiles at native resolution are cut"
        how = fewer if tile else "enough: centre crops, resized, are cut"
        print(f"--tile auto: a crop of each window would make about {crops}, {how}")
    return Settings(height=asked.size[0], width=asked.size[1], hop=hop, tile=tile, fps=fps, **same)


def _commonest_rate(root: pathlib.Path, names: list[str]) -> float | None:
    """Frames a second that most headers say, about; prints it where files differ."""
    rates = collections.Counter(container.rate_by_header(root / name) for name in names)
    rates.pop(None, None)
    if not rates:
        return None

    def files(fps: float) -> int:
        return sum(n for rate, n in rates.items() if container.same_rate(rate, fps))

    fps = max(rates, key=lambda rate: (files(rate), rates[rate]))
    if others := rates.total() - files(fps):
        print(
            f"{files(fps)} of {len(names)} files have about {fps:g} frames a second; other rates, "
            f"of {others}, are resampled to that (--fps)"
        )
    return fps


def _bar(items: Iterable | None, label: str, unit: str, total: int | None = None) -> tqdm.tqdm:
    return tqdm.tqdm(items, desc=label, unit=unit, total=total, leave=False)


def _cut(
    root: pathlib.Path, settings: Settings, made_of: dict, partial: pathlib.Path
) -> list[Video]:
    """Cuts every file to windows, kept in `partial`; as many at a time as there are cores."""
    videos = [
        Video(name, sha256, caption, partial / f"{index}.spool")
        for index, (name, (sha256, caption)) in enumerate(made_of["files"].items())
    ]
    with _bar(None, "cutting", "file", len(videos)) as bar:
        lock = threading.Lock()  # a bar counts in one thread only

        def show(video: Video, files: int = 0) -> None:
            with lock:
                bar.set_postfix_str(f"{video.name} frame {video.frames}", refresh=False)
                bar.update(files)  # draws, when the bar is next due

        for video in cutting.cut_all(videos, root, settings, show, cutting.cores()):
            show(video, 1)
    return videos


def _check_readable(videos: list[Video], max_bad: float) -> None:
    bad = [video.name for video in videos if video.status == "unreadable"]
    if len(bad) > max_bad * len(videos):
        raise InputError(
            f"{len(bad)} of {len(videos)} files are unreadable ({record.some(bad)}), more than "
            f"--max_bad {max_bad:g} allows"
        )


def _sides(asked: Request, names: list[str], found: captions.Captions) -> dict[str, str]:
    """What `--split` or `--groups` say of each video; a proposal where neither is given."""
    if asked.split:
        return splits.read_splits(asked.split, names, asked.file_column)
    if asked.groups:
        grouping = splits.groups_of(asked.groups, names, found.rows)
        print(grouping.words)
        return grouping.of
    if line := splits.proposal(names):
        print(line)
    return {}


def _near_duplicates(videos: list[Video], settings: Settings) -> near_duplicates.Found:
    """Leaves them out of validation, unless they are to be kept; `InputError` where all are."""
    found = near_duplicates.find(videos, settings)
    print(record.duplicates(found, settings.keep_near_duplicates))
    if settings.keep_near_duplicates:
        return found
    if len(found.pairs) == found.windows:
        raise InputError(
            "all validation windows are near-duplicates of training windows: expected other "
            "--groups or --split, or --keep_near_duplicates"
        )
    for video, index, _ in found.pairs:
        video.left_out.add(index)
    return found


def _write(
    partial: pathlib.Path,
    out: pathlib.Path,
    videos: list[Video],
    settings: Settings,
    described: dict,
) -> None:
    from vdit.data.video_folder import builder  # TFDS is slow to import; errors come before it

    total = sum(count["windows"] for count in described["counts"].values())
    with _bar(None, "writing", "window", total) as bar:
        made = builder.write(partial, videos, settings, bar.update)
    text = json.dumps(described, indent=2, ensure_ascii=False) + "\n"
    (made / record.FILE).write_text(text, encoding="utf-8")
    contact_sheet.write(made)
    os.replace(made, out)

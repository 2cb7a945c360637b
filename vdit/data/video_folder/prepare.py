"""A folder of videos to a prepared one, by one process or by many that share the work.

Steps, each of units that are claimed (`units`): the plan; slices of the videos cut to windows; what
is decided of all of them (`deciding`); shards written. The last names the folder. Nobody goes on to
a step before all units of the one before are done, so that the result depends on videos and flags
alone.
"""

import collections
import concurrent.futures
import itertools
import os
import pathlib
import threading
import time
from collections.abc import Iterable, Iterator
from typing import Any

from vdit.data import contact_sheet
from vdit.data.video_folder import (
    cutting,
    deciding,
    decisions,
    folder,
    listing,
    partial,
    plan,
    record,
    report,
    slices,
    units,
)
from vdit.data.video_folder.ingest import Video
from vdit.data.video_folder.progress import progress
from vdit.data.video_folder.request import Request
from vdit.runs.files import sync


def prepare(asked: Request, named: pathlib.Path | None = None) -> None:
    """Prepares the folder, or says that it is there already; prints and shows how it goes on.
    Users are told of `named`, where it is moved there in the end.

    Processes that are asked for the same share the work, and each says the same. Raises
    `InputError` for what can't be read, split or written; the last that does leaves nothing behind.
    """
    started, worth, named = time.monotonic(), f"cut/*/{units.DONE}", named or asked.out
    if record.is_prepared(asked.out):
        partial.clear(asked.out)
        return _say_that_it_is_there(asked, named)
    with partial.partial_folder(asked.out, plan.identity(asked), worth) as place:
        if record.is_prepared(asked.out):  # since we looked
            return _say_that_it_is_there(asked, named)
        videos = _cut(asked, place)
        print(report.table(videos))
        decided = deciding.decide(asked, videos, place)
        print(decided.message)
        lengths = _write(decided, place)
        head = _close(asked.out, decided, lengths, place)
    print(f"{named / contact_sheet.FILE}: the files at a glance, for a browser")
    print(f"{named}: {report.summary(head)}, {time.monotonic() - started:.1f} s")


def _say_that_it_is_there(asked: Request, named: pathlib.Path) -> None:
    """Or raises `InputError`, where the prepared folder is not what is asked for."""
    with listing.listing(asked) as listed:
        _say(listed.messages)
        for name, sha256 in progress(_hashes(asked, listed), "hashing", "file", len(listed.videos)):
            listed.videos.set("sha256", name, sha256)
        same = record.check_same(asked.out, listed.settings, listed.videos)
    print(f"{named}: prepared already, fingerprint {same}")


def _hashes(asked: Request, listed: listing.Listing) -> Iterator[tuple[str, str]]:
    """The name and the hash of each video, some files at a time."""
    videos = iter(listed.videos)
    with concurrent.futures.ThreadPoolExecutor(cutting.cores()) as pool:
        while names := [video.name for video in itertools.islice(videos, plan.SLICE_FILES)]:
            hashes = pool.map(folder.file_hash, map(asked.videos.joinpath, names))
            yield from zip(names, hashes, strict=True)


def _say(lines: Iterable[str]) -> None:
    for line in lines:
        print(line, flush=True)


def _cut(asked: Request, place: pathlib.Path) -> slices.Cut:
    """The plan, and every slice of it cut."""
    there = units.one(place, "plan", lambda path: plan.write(asked, path))
    planned = plan.Plan(place / "plan" / "plan", there)
    _say(planned.messages)
    with progress(None, "cutting", "file", len(planned)) as bar:
        lock, shown = threading.Lock(), collections.Counter()  # a bar counts in one thread only

        def show(name: str, video: Video | None, files: int = 0) -> None:
            with lock:
                if video:
                    bar.set_postfix_str(f"{video.name} frame {video.frames}", refresh=False)
                shown[name] += files
                bar.update(files)  # draws, when the bar is next due

        def cut(name: str, path: pathlib.Path) -> dict[str, Any]:
            shows = (lambda video: show(name, video), lambda video: show(name, video, 1))
            return slices.cut(planned, name, asked.videos, path, *shows)

        def others(name: str) -> None:
            show(name, None, planned.count(name) - shown[name])

        units.share(place / "cut", planned.slices, cut, others)
    return slices.Cut(planned, place / "cut")


def _write(videos: decisions.Decided, place: pathlib.Path) -> dict[str, list[int]]:
    """Writes the shards to the folder `made`; how many windows each has, by split."""
    from vdit.data.video_folder import builder  # TFDS is slow to import; errors come before it

    made = place / "made"
    made.mkdir(exist_ok=True)
    count = collections.Counter(shard.split for shard in videos.shards.values())

    def write(name: str, path: pathlib.Path) -> dict[str, Any]:
        shard, index = videos.shards[name], int(name.rpartition("-")[2])
        final = made / builder.file_name(shard.split, index, count[shard.split])
        if not final.exists():  # else its writer was killed after it was named
            builder.write_shard(path / "shard", videos.of(shard), settings, bar.update)
            sync(path / "shard")
            os.replace(path / "shard", final)
        for video in videos.of(shard):
            video.spool.unlink(missing_ok=True)
        return {"windows": builder.windows_in(final)}

    settings = videos.plan.settings
    with progress(None, "writing", "window", videos.windows) as bar:
        units.share(place / "write", list(videos.shards), write)
    lengths: dict[str, list[int]] = {split: [] for split in count}
    for name, shard in videos.shards.items():
        lengths[shard.split].append(units.result(place / "write", name)["windows"])
    return lengths


def _close(
    out: pathlib.Path,
    videos: decisions.Decided,
    lengths: dict[str, list[int]],
    place: pathlib.Path,
) -> dict[str, Any]:
    """Describes what was made and gives it its name; what is in `vdit.json` but of each file."""

    def close(_: pathlib.Path) -> dict[str, Any]:
        from vdit.data.video_folder import builder

        made = place / "made"
        if not made.exists():  # whoever named it was killed before it could say so
            made = out
        builder.describe(made, videos.plan.settings, lengths)
        path, planned = made / record.FILE, videos.plan
        near = videos.near_duplicates
        head = record.write(path, planned.settings, videos, planned.ignored, near)
        contact_sheet.write(made, head, videos)
        if made != out:
            os.replace(made, out)
        return head

    return units.one(place, "close", close)

"""A folder of videos to a set of buckets: a prepared folder for each, and an index of them.

Each is made as a set of one shape is (`prepare`), by all processes of the same command; the folder
has its name when all are done.
"""

import contextlib
import dataclasses
import hashlib
import json
import os
import pathlib
import time
from collections.abc import Iterator, Mapping
from typing import Any

from vdit.config.buckets import INDEX, Bucket, read_index
from vdit.data.video_folder import buckets, folder, listing, partial, plan, record, report, units
from vdit.data.video_folder.catalogue import Catalogue
from vdit.data.video_folder.prepare import prepare
from vdit.data.video_folder.request import Request
from vdit.errors import InputError
from vdit.runs.files import read_json, write_json

Clips = Mapping[Bucket, list[str]]


def prepare_buckets(asked: Request, which: str) -> None:
    """Prepares the folder, or says that it is there already; `which` is "auto" or a file.

    Raises `InputError` as `prepare` does, and for a bucket that no clip fits.
    """
    if asked.tile != "never":
        raise InputError("--tile with --buckets: tiles have no aspect; expected one of them")
    asked, clips, left_out = _planned(asked, which)
    if _is_there(asked.out):
        partial.clear(asked.out)
        return _check_same(asked, clips)
    identity = plan.identity(asked) + ",".join(map(str, clips))
    with partial.partial_folder(asked.out, identity, "made/*") as place:
        if _is_there(asked.out):  # since we looked
            return _check_same(asked, clips)
        made = place / "made"
        made.mkdir(exist_ok=True)
        requests = _requests(asked, clips, made)
        with _unless_named(asked.out):
            for request in requests:
                if not _is_there(asked.out):  # else others have moved it away from under us
                    _prepare(request, asked.out / request.out.name)

        def close(*_: object) -> dict[str, Any]:
            _wait_for_others(requests)
            return _close(made, asked.out, left_out)

        units.share(place / "close", ["close"], close)
    print(f"{asked.out}: {_summary(read_index(asked.out))}")


def _is_there(out: pathlib.Path) -> bool:
    """True where `out` holds buckets, False where nothing is there; raises `InputError` where it is
    anything else."""
    if not out.exists() or (out.is_dir() and not any(out.iterdir())):
        return False
    if not read_index(out):
        raise InputError(f"--out {out}: exists and holds no buckets; name another")
    return True


def _planned(asked: Request, which: str) -> tuple[Request, Clips, list[str]]:
    """The request with one rate for all, the clips of each bucket, files that none has."""
    shapes = [] if which == buckets.AUTO else buckets.read(pathlib.Path(which))
    pictures = asked.takes_pictures or any(bucket.frames == 1 for bucket in shapes)
    with contextlib.closing(Catalogue(asked.videos, folder.kinds(pictures))) as files:
        listing.leave_out_stills(dataclasses.replace(asked, pictures=pictures), files)
        films = [v for v in files if not buckets.is_picture(asked.videos / v.name)]
        fps = asked.fps or listing.commonest_rate(asked, films, print)
        looks = buckets.looks(asked.videos, (video.name for video in files), fps)
    clips = {name: look for name, look in looks.items() if look}
    unreadable = [name for name, look in looks.items() if not look]
    _check_readable(unreadable, len(looks), asked.max_bad)
    shapes = shapes or buckets.choose(clips.values(), asked.size, asked.frames, asked.stride)
    found, short = buckets.assign(clips, shapes, asked.stride)
    if short:
        print(f"no bucket fits {len(short)} of {len(looks)} files, too short: {report.some(short)}")
    for bucket, names in found.items():
        print(f"{bucket}: {len(names)} files", flush=True)
        if not names:
            raise InputError(f"--buckets {which}: no clip fits {bucket}; expected buckets of clips")
    return dataclasses.replace(asked, fps=fps, pictures=pictures), found, short + unreadable


def _check_readable(unreadable: list[str], count: int, max_bad: float) -> None:
    if len(unreadable) > max_bad * count:
        raise InputError(
            f"{len(unreadable)} of {count} files are unreadable ({report.some(unreadable)}), more "
            f"than --max_bad {max_bad:g} allows"
        )
    if unreadable:
        print(f"{len(unreadable)} of {count} files are unreadable: {report.some(unreadable)}")


def _requests(asked: Request, clips: Clips, place: pathlib.Path) -> list[Request]:
    """What is asked for each bucket, of its own clips."""
    return [
        dataclasses.replace(
            asked,
            out=place / str(bucket),
            frames=bucket.frames,
            size=(bucket.height, bucket.width),
            only=tuple(sorted(names)),
        )
        for bucket, names in clips.items()
    ]


def _prepare(request: Request, named: pathlib.Path) -> None:
    """One bucket, which users know by where it is in the end; errors name it."""
    print(f"--- {request.out.name}", flush=True)
    try:
        prepare(request, named)
    except InputError as error:
        raise InputError(f"bucket {request.out.name}: {error}") from error


@contextlib.contextmanager
def _unless_named(out: pathlib.Path) -> Iterator[None]:
    """Errors don't matter where others have made all of it meanwhile."""
    try:
        yield
    except InputError:
        if not read_index(out):
            raise


def _wait_for_others(requests: list[Request]) -> None:
    """Until nobody is at work in a bucket; all are made."""
    for request in requests:
        while partial.place_of(request.out).exists():
            partial.clear(request.out)
            time.sleep(units.POLL_S)


def _check_same(asked: Request, clips: Clips) -> None:
    """Raises `InputError` where the folder holds other buckets than are asked for."""
    wanted, found = sorted(map(str, clips)), sorted(read_index(asked.out)["buckets"])
    if wanted != found:
        raise InputError(
            f"--out {asked.out}: prepared differently (buckets {', '.join(found)}, asked "
            f"{', '.join(wanted)}); name another folder or delete this one"
        )
    for request in _requests(asked, clips, asked.out):
        _prepare(request, request.out)


def _close(made: pathlib.Path, out: pathlib.Path, left_out: list[str]) -> dict[str, Any]:
    """Writes the index, and gives the folder its name."""
    if not read_index(out):  # else whoever named it was killed before it could say so
        records = {path.parent.name: read_json(path, "a set") for path in _records(made)}
        _check_sides(records)
        found = {name: _entry(there) for name, there in records.items()}
        text = json.dumps({name: entry["fingerprint"] for name, entry in found.items()})
        digest = hashlib.sha256(text.encode()).hexdigest()[:12]
        write_json(made / INDEX, {"fingerprint": digest, "buckets": found, "left_out": left_out})
        os.replace(made, out)
    return {}


def _records(made: pathlib.Path) -> list[pathlib.Path]:
    return sorted(made.glob(f"[!.]*/{record.FILE}"))


def _entry(there: Mapping[str, Any]) -> dict[str, Any]:
    windows = {split: count["windows"] for split, count in there["counts"].items()}
    return {"fingerprint": there["fingerprint"], **windows}


def _check_sides(records: Mapping[str, Any]) -> None:
    """Raises `InputError` for a recording (`--groups`) with files on both sides: buckets are split
    one by one."""
    splits: dict[str, set[str]] = {}
    for there in records.values():
        for name, side in there["sides"].items():
            if split := there["files"][name]["split"]:
                splits.setdefault(side, set()).add(split)
    if both := sorted(side for side, found in splits.items() if len(found) > 1):
        raise InputError(
            f"--groups: files of {report.some(both)} are in train in one bucket and in validation "
            "in another; expected --split FILE"
        )


def _summary(index: Mapping[str, Any]) -> str:
    rows = ", ".join(f"{k} {v['train']} + {v['validation']}" for k, v in index["buckets"].items())
    return f"windows of train + validation: {rows}; fingerprint {index['fingerprint']}"

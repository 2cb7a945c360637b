"""A folder of videos to a prepared data set: fixed windows in ArrayRecord, split by video.

python -m vdit.prepare --videos DIR --out DIR --frames 16 --size 64
"""

import argparse
import contextlib
import fcntl
import json
import os
import pathlib
import re
import shutil
import threading
import time
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from vdit import errors
from vdit.errors import InputError

if TYPE_CHECKING:  # PyAV, TFDS and SciPy are slow to import, and --help needs none
    from vdit.data.video_folder.ingest import Settings, Video


FEW_CROPS = 200  # --tile auto cuts tiles where the headers promise fewer crops than this


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> None:
        raise InputError(message)


def _number(kind: type, low: float, high: float = float("inf")):
    def parse(text: str) -> float:
        with contextlib.suppress(ValueError):
            if low <= kind(text) <= high:
                return kind(text)
        bounds = f"of at least {low}" if high == float("inf") else f"from {low} to {high}"
        raise argparse.ArgumentTypeError(f"{text!r} is not a number {bounds}")

    return parse


def _size(text: str) -> tuple[int, int]:
    match = re.fullmatch(r"([1-9]\d*)(?:x([1-9]\d*))?", text)
    if not match:
        raise argparse.ArgumentTypeError(f"{text!r} is neither N nor HxW, in pixels")
    return int(match[1]), int(match[2] or match[1])


def parser() -> argparse.ArgumentParser:
    """The flags of the command."""
    p = _Parser(
        prog="python -m vdit.prepare",
        description="Cuts a folder of videos into fixed windows, splits them by video into train "
        "and validation, and writes a TFDS data set (ArrayRecord). Files that can't be read are "
        "skipped and named.",
    )
    path, count = pathlib.Path, _number(int, 1)
    p.add_argument("--videos", type=path, required=True, help="folder of videos, searched deeply")
    p.add_argument("--out", type=path, required=True, help="folder to make")
    p.add_argument("--frames", type=count, required=True, help="frames in a window")
    p.add_argument("--size", type=_size, required=True, help="pixels: N for NxN, or HxW")
    p.add_argument("--captions", type=path, help="CSV with columns video_file_name,prompt "
                   "(default: VIDEOS/captions.csv if there)")  # fmt: skip
    p.add_argument("--stride", type=count, default=1, help="take every n-th frame (default 1)")
    p.add_argument("--hop", type=count, help="frames from one window's start to the next "
                   "(default: a window's span, so that windows share no frame)")  # fmt: skip
    p.add_argument("--tile", nargs="?", choices=("never", "always", "auto"), default="never",
                   const="always", help="cut tiles at native resolution instead of one centre "
                   "crop, resized; auto: where crops would be few (default never)")  # fmt: skip
    p.add_argument("--validation", type=_number(float, 0.0001, 0.5), default=0.1,
                   help="share of windows to hold out, by whole videos (default 0.1)")  # fmt: skip
    p.add_argument("--max_bad", type=_number(float, 0, 1), default=0.05,
                   help="share of unreadable files to bear (default 0.05)")  # fmt: skip
    p.add_argument("--seed", type=_number(int, 0), default=0, help="of the split (default 0)")
    return p


def main(argv: list[str] | None = None) -> None:
    """Prepares the folder that the flags name, or says that it is there already."""
    started = time.monotonic()
    args = parser().parse_args(argv)
    from vdit.data.video_folder import folder, record

    names, ignored = folder.list_files(args.videos)
    captions, settings = (
        folder.captions_for(args.captions, args.videos, names),
        _settings(args, names),
    )
    if ignored:
        print(f"ignored {record.some(ignored)}: not videos by their names")
    hashes = {name: folder.file_hash(args.videos / name) for name in _bar(names, "hashing", "file")}
    made_of = record.inputs(settings, hashes, captions)
    if record.is_there(args.out, made_of):
        print(f"{args.out}: prepared already, fingerprint {record.fingerprint(made_of)}")
        return
    with _partial(args.out) as partial:
        videos = _cut(args, settings, made_of, partial)
        print(record.table(videos))
        described = _split(videos, args.max_bad, made_of, ignored)
        _write(partial, args.out, videos, settings, described)
    print(f"{args.out}: {record.summary(described)}, {time.monotonic() - started:.1f} s")


def _settings(args: argparse.Namespace, names: list[str]) -> "Settings":
    from vdit.data.video_folder import decode, ingest, windows

    same = {key: getattr(args, key) for key in ("frames", "stride", "validation", "seed")}
    hop = args.hop or windows.span(args.frames, args.stride)
    tile = args.tile == "always"
    if args.tile == "auto":
        crops = sum(decode.frames_by_header(args.videos / name) // hop for name in names)
        tile = crops < FEW_CROPS
        print(f"--tile auto: about {crops} crops: {'tiles' if tile else 'crops'}")
    return ingest.Settings(height=args.size[0], width=args.size[1], hop=hop, tile=tile, **same)


def _bar(items: Iterable | None, label: str, unit: str, total: int | None = None):
    import tqdm

    return tqdm.tqdm(items, desc=label, unit=unit, total=total, leave=False)


@contextlib.contextmanager
def _partial(out: pathlib.Path) -> Iterator[pathlib.Path]:
    """A hidden folder beside `out`, gone at the end; what a killed run left in it goes first.

    Its lock dies with the process, so a folder that can be locked is nobody's.
    """
    partial = out.resolve().parent / f".{out.resolve().name}.partial"
    try:
        partial.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"--out {out}: can't be made ({error.strerror})") from error
    handle = os.open(partial, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        raise InputError(f"--out {out}: another vdit.prepare is writing it") from None
    try:
        for entry in partial.iterdir():
            shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
        yield partial
    finally:
        shutil.rmtree(partial)
        os.close(handle)


def _cut(
    args: argparse.Namespace, settings: "Settings", made_of: dict, partial: pathlib.Path
) -> "list[Video]":
    """Cuts every file to windows, kept in `partial`; as many at a time as there are cores."""
    from vdit.data.video_folder import cutting, ingest

    videos = [
        ingest.Video(name, sha256, caption, partial / f"{index}.spool")
        for index, (name, (sha256, caption)) in enumerate(made_of["files"].items())
    ]
    with _bar(None, "cutting", "file", len(videos)) as bar:
        lock = threading.Lock()  # a bar counts in one thread only

        def show(video: "ingest.Video", files: int = 0) -> None:
            with lock:
                bar.set_postfix_str(f"{video.name} frame {video.frames}", refresh=False)
                bar.update(files)  # draws, when the bar is next due

        for video in cutting.cut_all(videos, args.videos, settings, show, cutting.cores()):
            show(video, 1)
    return videos


def _split(videos: "list[Video]", max_bad: float, made_of: dict, ignored: list[str]) -> dict:
    """Sets the splits and returns the record; raises `InputError` where too little can be used."""
    from vdit.data.video_folder import ingest, record

    bad = [video.name for video in videos if video.status == "unreadable"]
    if len(bad) > max_bad * len(videos):
        raise InputError(
            f"{len(bad)} of {len(videos)} files are unreadable ({record.some(bad)}), more than "
            f"--max_bad {max_bad:g} allows"
        )
    ingest.assign_splits(videos, made_of["settings"]["validation"], made_of["settings"]["seed"])
    return record.describe(made_of, videos, ignored)


def _write(
    partial: pathlib.Path,
    out: pathlib.Path,
    videos: "list[Video]",
    settings: "Settings",
    described: dict,
) -> None:
    from vdit.data.video_folder import builder, record

    total = sum(count["windows"] for count in described["counts"].values())
    with _bar(None, "writing", "window", total) as bar:
        made = builder.write(partial, videos, settings, bar.update)
    text = json.dumps(described, indent=2, ensure_ascii=False) + "\n"
    (made / record.FILE).write_text(text, encoding="utf-8")
    os.replace(made, out)


if __name__ == "__main__":
    errors.run(main)

"""What lies in a folder of videos: the files and their content hashes."""

import collections
import hashlib
import os
import pathlib
from collections.abc import Collection, Iterator

from vdit.errors import InputError

# Of containers and raw streams that FFmpeg reads as video, lower case.
_EXTENSIONS = """
264 265 3g2 3gp 3gpp amv apng asf av1 avc avi bik dav divx dv dvr-ms f4p f4v flv gif gxf h261 h263
h264 h265 h26l hevc ismv ivf m1v m2p m2t m2ts m2v m4v mj2 mjpeg mjpg mk3d mkv mod mov mp2v mp4 mpe
mpeg mpg mpv mts mxf nsv nut obu ogg ogm ogv qt rm rmvb roq smk swf tod tp trp ts vc1 vob vp8 vp9
webm wmv wtv xvid y4m
"""
EXTENSIONS = frozenset(_EXTENSIONS.split())
# Of pictures that may move: those that do are videos.
ANIMATED = frozenset(["avif", "webp"])
# Of pictures, which are videos of one frame to who asks for such.
PICTURES = frozenset(["avif", "bmp", "jpeg", "jpg", "png", "tif", "tiff", "webp"])


def kinds(pictures: bool) -> frozenset[str]:
    """Extensions of videos; pictures are some of one frame, else those alone that may move."""
    return EXTENSIONS | (PICTURES if pictures else ANIMATED)


def may_move(name: str) -> bool:
    """Whether a file is a picture, or a video, which its name leaves open."""
    return pathlib.PurePath(name).suffix.lower()[1:] in ANIMATED


def list_files(
    root: pathlib.Path, flag: str = "--videos", extensions: Collection[str] = EXTENSIONS
) -> tuple[list[str], list[str]]:
    """Paths relative to `root` of (videos, other files) at any depth, sorted; no hidden ones.

    Links are followed; one that leads nowhere, or to a folder that is listed already, is listed
    as a file. Raises `InputError`, which names the flag, for a missing folder or one without
    videos.
    """
    check(root, flag)
    names = sorted(path.relative_to(root).as_posix() for path in walk(root))
    videos = [n for n in names if pathlib.PurePath(n).suffix.lower()[1:] in extensions]
    if not videos:
        raise InputError(f"{flag} {root}: no file with a video's extension (.mp4, .mkv, .avi, …)")
    return videos, sorted(set(names) - set(videos))


def check(root: pathlib.Path, flag: str = "--videos") -> None:
    """`InputError`, which names the flag, where there is no such folder."""
    if not root.is_dir():
        raise InputError(f"{flag} {root}: no such folder")


def walk(root: pathlib.Path) -> Iterator[pathlib.Path]:
    """Files below `root` that are not hidden. Each folder is entered once, by links last."""
    waiting, entered = collections.deque([root]), set()
    while waiting:
        here = waiting.popleft()
        if here.resolve() in entered:
            yield here
            continue
        entered.add(here.resolve())
        with os.scandir(here) as entries:  # knows kinds without a look at each file
            for entry in (entry for entry in entries if not entry.name.startswith(".")):
                if entry.is_dir():
                    (waiting.append if entry.is_symlink() else waiting.appendleft)(
                        here / entry.name
                    )
                elif entry.is_file() or entry.is_symlink():
                    yield here / entry.name


def file_hash(path: pathlib.Path) -> str:
    """SHA-256 of a file's bytes, hex; "unreadable" for a file that can't be opened."""
    try:
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError:
        return "unreadable"


def size(path: pathlib.Path) -> int:
    """Bytes of a file; 0 where it can't be looked at."""
    try:
        return path.stat().st_size
    except OSError:
        return 0

"""What lies in a folder of videos: the files, their captions, their content hashes."""

import csv
import hashlib
import pathlib
from collections.abc import Collection

from vdit.errors import InputError

# Of containers and raw streams that FFmpeg reads as video, lower case.
_EXTENSIONS = """
264 265 3g2 3gp 3gpp amv apng asf av1 avc avi bik dav divx dv dvr-ms f4p f4v flv gif gxf h261 h263
h264 h265 h26l hevc ismv ivf m1v m2p m2t m2ts m2v m4v mj2 mjpeg mjpg mk3d mkv mod mov mp2v mp4 mpe
mpeg mpg mpv mts mxf nsv nut obu ogg ogm ogv qt rm rmvb roq smk swf tod tp trp ts vc1 vob vp8 vp9
webm wmv wtv xvid y4m
"""
EXTENSIONS = frozenset(_EXTENSIONS.split())
BESIDE = "captions.csv"
COLUMNS = ("video_file_name", "prompt")


def list_files(
    root: pathlib.Path, flag: str = "--videos", extensions: Collection[str] = EXTENSIONS
) -> tuple[list[str], list[str]]:
    """Paths relative to `root` of (videos, other files) at any depth, sorted; no hidden ones.

    Raises `InputError`, which names the flag, for a missing folder or one without videos.
    """
    if not root.is_dir():
        raise InputError(f"{flag} {root}: no such folder")
    paths = (path.relative_to(root) for path in root.rglob("*") if path.is_file())
    names = sorted(p.as_posix() for p in paths if not any(s.startswith(".") for s in p.parts))
    videos = [n for n in names if pathlib.PurePath(n).suffix.lower()[1:] in extensions]
    if not videos:
        raise InputError(f"{flag} {root}: no file with a video's extension (.mp4, .mkv, .avi, …)")
    return videos, sorted(set(names) - {*videos, BESIDE})


def captions_for(path: pathlib.Path | None, root: pathlib.Path, videos: list[str]) -> dict:
    """Caption of each video from `path`, or else from `root`/captions.csv if there, or else ""."""
    beside = root / BESIDE
    path = path or (beside if beside.exists() else None)
    return read_captions(path, videos) if path else dict.fromkeys(videos, "")


def read_captions(path: pathlib.Path, videos: list[str]) -> dict[str, str]:
    """Caption of each video from a CSV with columns `video_file_name,prompt`; "" where none.

    A file is named by its path under the folder or by its bare name. Raises `InputError` for a
    missing file or column, and for rows that name no video or the same one twice.
    """
    if not path.is_file():
        raise InputError(f"--captions {path}: no such file")
    prompts: dict[str, str] = {}
    for row in _rows(path):
        name = pathlib.PurePath(row[COLUMNS[0]] or "").as_posix()
        if name in prompts:
            raise InputError(f"{path}: names {name!r} more than once")
        prompts[name] = row[COLUMNS[1]] or ""
    bare = {name: pathlib.PurePath(name).name for name in videos}
    absent = sorted(set(prompts) - set(videos) - set(bare.values()))
    if absent:
        raise InputError(
            f"{path}: names {absent[0]!r}, which is no video of the folder"
            + (f" (nor are {len(absent) - 1} more)" if len(absent) > 1 else "")
        )
    return {name: prompts.get(name, prompts.get(bare[name], "")) for name in videos}


def _rows(path: pathlib.Path) -> list[dict[str, str]]:
    try:
        with path.open(newline="", encoding="utf-8-sig") as lines:
            reader = csv.DictReader(lines)
            for column in COLUMNS:
                if column not in (reader.fieldnames or ()):
                    found = ", ".join(reader.fieldnames or ()) or "none"
                    raise InputError(f"{path}: no column {column!r}; columns found: {found}")
            return list(reader)
    except (csv.Error, UnicodeDecodeError) as error:
        raise InputError(f"{path}: not a UTF-8 CSV file ({error})") from error


def file_hash(path: pathlib.Path) -> str:
    """SHA-256 of a file's bytes, hex; "unreadable" for a file that can't be opened."""
    try:
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError:
        return "unreadable"

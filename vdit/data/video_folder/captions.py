"""Captions of a folder's videos: from one table, from text files beside them, or their folders.

One source is read and named. Where a folder has several, nothing is guessed.
"""

import pathlib
from collections.abc import Iterator
from typing import NamedTuple

from vdit.data.video_folder.catalogue import Catalogue
from vdit.data.video_folder.tables import (
    FILE_COLUMNS,
    Row,
    Table,
    json_object,
    normal,
    read_table,
)
from vdit.errors import InputError

TABLES = ("captions.csv", "metadata.csv", "metadata.jsonl", "metadata.parquet")
COLUMNS = ("prompt", "caption", "text", "description")
SIDECARS, NONE = "sidecars", "none"


class CaptionSource(NamedTuple):
    """Where captions are from, in words; of a table that, and its column of videos' names."""

    words: str
    table: Table | None = None
    file_column: str = ""


def read_captions(
    files: Catalogue,
    root: pathlib.Path,
    asked: str | None = None,
    caption_column: str | None = None,
    file_column: str | None = None,
) -> CaptionSource:
    """Sets the captions of the videos of `root` in its catalogue; returns where they are from.

    `asked` is a table's path, "sidecars" or "none"; by default what is there: one of `TABLES` at
    the top of the folder, or a .txt or .json beside a video. Raises `InputError` where several
    are there, and for what can't be read in one way.
    """
    found = [str(root / name) for name in TABLES if files.has(name)]
    beside = sum(1 for _ in _sidecars(files)) if asked in (None, SIDECARS) else 0
    found += [SIDECARS] * bool(beside)
    if asked is None and len(found) > 1:
        raise InputError(f"captions in {' and in '.join(found)}: choose by --captions")
    source = asked or next(iter(found), NONE)
    if source == NONE:
        return CaptionSource(NONE)
    if source == SIDECARS:
        for video, text in _sidecars(files):
            files.set("caption", video, _sidecar(root / text, caption_column))
            files.read(text)
        return CaptionSource("a file beside each video")
    return _of_table(files, pathlib.Path(source), root, caption_column, file_column)


def _of_table(
    files: Catalogue,
    path: pathlib.Path,
    root: pathlib.Path,
    caption_column: str | None,
    file_column: str | None,
) -> CaptionSource:
    table = read_table(path, "--captions")
    column = table.column(caption_column, COLUMNS, "--caption_column")
    file = table.column(file_column, FILE_COLUMNS, "--file_column")
    for video, row in files.rows(table, file):
        text = table.text(row, column)
        _check_lines(files, text, f"{path} {row.place}")
        files.set("caption", video, text)
    if path.resolve().is_relative_to(root.resolve()):
        files.read(path.resolve().relative_to(root.resolve()).as_posix())
    return CaptionSource(f"column {column!r} of {path}", table, file)


def _check_lines(files: Catalogue, text: str, where: str) -> None:
    """A caption whose later lines begin with a video's name has swallowed rows: `InputError`."""
    for line in text.splitlines()[1:]:
        if files.find("bare", pathlib.PurePath(normal(line.split(",")[0].strip(' "'))).name):
            raise InputError(
                f"{where}: the caption goes on over {line!r}, which names another video; is a "
                "quote left open?"
            )


def of_folders(files: Catalogue) -> CaptionSource:
    """The name of the folder that a video lies in as its class: of the innermost one."""
    files.set_each("caption", lambda video: pathlib.PurePath(video).parent.name)
    return CaptionSource("the name of each video's folder")


def _sidecars(files: Catalogue) -> Iterator[tuple[str, str]]:
    """Each video that has a .txt or .json, by the name without suffix, and that."""
    for text in files.others():
        path = pathlib.PurePath(text)
        if path.suffix.lower() not in (".txt", ".json"):
            continue
        videos = files.find("stem", normal(str(path.with_suffix(""))))
        former = files.first_named(SIDECARS, videos[0], text) if videos else text
        if former != text or len(videos) > 1:
            raise InputError(
                f"{text}: which caption is whose, of {', '.join([former, *videos])}? choose by "
                "--captions"
            )
        yield from ((video, text) for video in videos)


def _sidecar(path: pathlib.Path, column: str | None) -> str:
    """The caption in a .txt, whole; or in a .json, under its caption's key."""
    try:
        text = path.read_text(encoding="utf-8-sig").strip()
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: not UTF-8 ({error})") from error
    if path.suffix.lower() == ".txt":
        return text
    cells = json_object(text, str(path))
    table, row = Table(path, tuple(cells), tuple), Row("object", cells)
    return table.text(row, table.column(column, COLUMNS, "--caption_column"))

"""Captions of a folder's videos: from one table, from text files beside them, or their folders.

One source is read and named. Where a folder has several, nothing is guessed.
"""

import dataclasses
import pathlib
from collections.abc import Collection

from vdit.data.video_folder.tables import (
    FILE_COLUMNS,
    Row,
    Table,
    json_object,
    normal,
    read_table,
    rows_of,
)
from vdit.errors import InputError

TABLES = ("captions.csv", "metadata.csv", "metadata.jsonl", "metadata.parquet")
COLUMNS = ("prompt", "caption", "text", "description")
SIDECARS, FOLDERS, NONE = "sidecars", "folder", "none"


@dataclasses.dataclass(frozen=True)
class Captions:
    """Caption of each video, "" where it has none; where they are from; the files that were read
    for them; of a table the row of each video that it names."""

    of: dict[str, str]
    source: str
    files: frozenset[str] = frozenset()
    rows: dict[str, Row] = dataclasses.field(default_factory=dict)

    def __str__(self) -> str:
        without = sum(not caption for caption in self.of.values())
        return f"captions: {self.source}; {without} of {len(self.of)} videos have no caption"


def captions_for(
    root: pathlib.Path,
    videos: list[str],
    others: list[str],
    asked: str | None = None,
    caption_column: str | None = None,
    file_column: str | None = None,
) -> Captions:
    """The captions of `videos`; `others` are the other files of the folder.

    `asked` is a table's path, "sidecars" or "none"; by default what is there: one of `TABLES` at
    the top of the folder, or a .txt or .json beside a video. Raises `InputError` where several
    are there, and for what can't be read in one way.
    """
    beside = _sidecars(videos, others) if asked in (None, SIDECARS) else {}
    found = [str(root / name) for name in TABLES if name in others] + [SIDECARS] * bool(beside)
    if asked is None and len(found) > 1:
        raise InputError(f"captions in {' and in '.join(found)}: choose by --captions")
    source = asked or next(iter(found), NONE)
    if source == NONE:
        return Captions(dict.fromkeys(videos, ""), NONE)
    if source == SIDECARS:
        texts = {v: _sidecar(root / name, caption_column) for v, name in beside.items()}
        of = dict.fromkeys(videos, "") | texts
        return Captions(of, "a file beside each video", frozenset(beside.values()))
    return _of_table(pathlib.Path(source), root, videos, caption_column, file_column)


def _of_table(
    path: pathlib.Path,
    root: pathlib.Path,
    videos: list[str],
    caption_column: str | None,
    file_column: str | None,
) -> Captions:
    table = read_table(path, "--captions")
    caption = table.column(caption_column, COLUMNS, "--caption_column")
    file = table.column(file_column, FILE_COLUMNS, "--file_column")
    rows = rows_of(table, file, videos)
    of = {video: table.text(rows[video], caption) if video in rows else "" for video in videos}
    _check_lines(of, rows, path)
    inside = path.resolve().is_relative_to(root.resolve())
    read = {path.resolve().relative_to(root.resolve()).as_posix()} if inside else ()
    return Captions(of, f"column {caption!r} of {path}", frozenset(read), rows)


def _check_lines(of: dict[str, str], rows: dict[str, Row], path: pathlib.Path) -> None:
    """A caption whose later lines begin with a video's name has swallowed rows: `InputError`."""
    names = {normal(pathlib.PurePath(video).name) for video in of}
    for video, caption in of.items():
        for line in caption.splitlines()[1:]:
            if pathlib.PurePath(normal(line.split(",")[0].strip(' "'))).name in names:
                raise InputError(
                    f"{path} {rows[video].place}: the caption goes on over {line!r}, which names "
                    "another video; is a quote left open?"
                )


def of_folders(videos: list[str]) -> Captions:
    """The name of the folder that a video lies in as its class: of the innermost one."""
    parents = {video: pathlib.PurePath(video).parent.name for video in videos}
    return Captions(parents, "the name of each video's folder")


def _sidecars(videos: list[str], others: Collection[str]) -> dict[str, str]:
    """The .txt or .json of each video that has one, by the name without suffix."""
    texts = [name for name in others if pathlib.PurePath(name).suffix.lower() in (".txt", ".json")]
    if not texts:
        return {}
    stems: dict[str, list[str]] = {}
    for video in videos:
        stems.setdefault(_stem(video), []).append(video)
    found: dict[str, str] = {}
    for text in texts:
        for video in stems.get(_stem(text), []):
            if video in found or len(stems[_stem(text)]) > 1:
                both = [found.get(video, text), *stems[_stem(text)]]
                raise InputError(
                    f"{text}: which caption is whose, of {', '.join(both)}? choose by --captions"
                )
            found[video] = text
    return found


def _stem(name: str) -> str:
    return normal(str(pathlib.PurePath(name).with_suffix("")))


def _sidecar(path: pathlib.Path, column: str | None) -> str:
    """The caption in a .txt, whole; or in a .json, under its caption's key."""
    try:
        text = path.read_text(encoding="utf-8-sig").strip()
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: not UTF-8 ({error})") from error
    if path.suffix.lower() == ".txt":
        return text
    cells = json_object(text, str(path))
    table = Table(path, tuple(cells), (Row("object", cells),))
    return table.text(table.rows[0], table.column(column, COLUMNS, "--caption_column"))

"""The files of a folder and what is said of each, in a database on disk: of any number of them few
are in memory at a time."""

import pathlib
import sqlite3
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from typing import Literal, NamedTuple

from vdit.data.video_folder import folder
from vdit.data.video_folder.tables import Row, Table, normal
from vdit.errors import InputError

# Texts are bytes, for names of files are not always Unicode; they sort as Python's do.
TABLES = """
CREATE TABLE file (name PRIMARY KEY, path, bare, stem, is_video, is_read DEFAULT 0,
                   caption DEFAULT x'', side DEFAULT x'', sha256 DEFAULT x'') WITHOUT ROWID;
CREATE TABLE mark (source, name, place, PRIMARY KEY (source, name)) WITHOUT ROWID;
"""
KEYS = ("path", "bare", "stem")  # by which videos are looked for, in the form of `normal`
INDEXES = "".join(f"CREATE INDEX by_{key} ON file ({key}) WHERE is_video;" for key in KEYS)

Column = Literal["caption", "side", "sha256"]


class Listed(NamedTuple):
    """A video of the folder, what is said of it, and its side of the split or its recording."""

    name: str
    caption: str
    side: str  # "": none
    sha256: str = ""  # once it is known


class Catalogue:
    """Videos of a folder, which it yields in order of name, and other files; to be closed.

    Raises `InputError` for a missing folder, or one without videos.
    """

    def __init__(self, root: pathlib.Path, extensions: Collection[str]):
        folder.check(root)
        self._database = sqlite3.connect("")  # a temporary file, which closing deletes
        self._database.executescript(f"PRAGMA journal_mode = OFF; {TABLES}")
        names = (path.relative_to(root).as_posix() for path in folder.walk(root))
        query = "INSERT INTO file (name, path, bare, stem, is_video) VALUES (?, ?, ?, ?, ?)"
        self._database.executemany(query, (_row(name, extensions) for name in names))
        self._database.executescript(INDEXES)
        self._root = root
        self.leave_out([])

    def leave_out(self, names: Collection[str]) -> None:
        """Has files be none of the videos; raises `InputError`, and closes, where none is left."""
        query = "UPDATE file SET is_video = 0 WHERE name = ?"
        self._database.executemany(query, ([_stored(name)] for name in names))
        if not len(self):
            self.close()
            stills = f", and {len(names)} stills (--frames 1 takes them)" if names else ""
            what = f"no file with a video's extension (.mp4, .mkv, .avi, …){stills}"
            raise InputError(f"--videos {self._root}: {what}")

    def close(self) -> None:
        """Deletes the database."""
        self._database.close()

    def __len__(self) -> int:
        return self._one("SELECT count(*) FROM file WHERE is_video")[0]

    def __iter__(self) -> Iterator[Listed]:
        query = "SELECT name, caption, side, sha256 FROM file WHERE is_video ORDER BY name"
        return (Listed(*map(_text, row)) for row in self._database.execute(query))

    def others(self) -> Iterator[str]:
        """Names of files that are no videos and were not read for what they say, in order."""
        query = "SELECT name FROM file WHERE NOT is_video AND NOT is_read ORDER BY name"
        return (_text(name) for (name,) in self._database.execute(query))

    def read(self, name: str) -> None:
        """Marks a file as one that was read for what it says."""
        self._database.execute("UPDATE file SET is_read = 1 WHERE name = ?", [_stored(name)])

    def has(self, name: str) -> bool:
        """Whether the folder has a file that is no video, of this path."""
        query = "SELECT 1 FROM file WHERE name = ? AND NOT is_video"
        return self._one(query, [_stored(name)]) is not None

    def find(self, key: str, value: str) -> list[str]:
        """The first videos, three at most, with such a path, bare name or stem (`KEYS`)."""
        query = f"SELECT name FROM file WHERE is_video AND {key} = ? ORDER BY name LIMIT 3"
        return [_text(name) for (name,) in self._database.execute(query, [_stored(value)])]

    def set(self, column: Column, video: str, text: str) -> None:
        """Sets a column of a video."""
        query = f"UPDATE file SET {column} = ? WHERE name = ?"
        self._database.execute(query, [_stored(text), _stored(video)])

    def set_each(self, column: Column, of: Callable[[str], str]) -> None:
        """Sets a column of every video to `of(name)`."""
        self._define(of)
        self._database.execute(f"UPDATE file SET {column} = value(name) WHERE is_video")

    def rows(self, table: Table, column: str) -> Iterator[tuple[str, Row]]:
        """Each row of a table with the video that it names; `column` holds a path under the folder
        or a bare name.

        Names are compared in Unicode's form NFC: macOS writes files in another. Raises `InputError`
        for a row that names no video, or more than one, or one that another row names.
        """
        for row in table.rows:
            name = normal(table.text(row, column))
            found = self.find("path", name) or self.find("bare", name)
            if len(found) != 1:
                what = f"may be {' or '.join(found)}" if found else "is no video of the folder"
                raise InputError(f"{table.path} {row.place}: {name!r} {what}")
            former = self.first_named(str(table.path), found[0], row.place)
            if former != row.place:
                raise InputError(f"{table.path} {row.place}: {name!r} is named by {former}, too")
            yield found[0], row

    def first_named(self, source: str, video: str, place: str) -> str:
        """Where a source named a video first: `place`, if it did not before."""
        row = [_stored(text) for text in (source, video, place)]
        self._database.execute("INSERT OR IGNORE INTO mark VALUES (?, ?, ?)", row)
        return _text(self._one("SELECT place FROM mark WHERE source = ? AND name = ?", row[:2])[0])

    def keep(self, names: Iterable[str]) -> None:
        """Takes all others for read files, no videos."""
        self._database.execute("CREATE TEMP TABLE kept (name PRIMARY KEY) WITHOUT ROWID")
        rows = ((_stored(name),) for name in names)
        self._database.executemany("INSERT INTO kept VALUES (?)", rows)
        others = "is_video AND name NOT IN (SELECT name FROM kept)"
        self._database.execute(f"UPDATE file SET is_video = 0, is_read = 1 WHERE {others}")

    def count(self, column: Column) -> tuple[int, int]:
        """How many videos have it, and how many different ones there are."""
        of = f"FROM file WHERE is_video AND {column} != x''"
        return self._one(f"SELECT count(*), count(DISTINCT {column}) {of}")

    def count_each(self, of: Callable[[str], str]) -> tuple[int, int]:
        """The same of `of(name)`."""
        self._define(of)
        values = "SELECT value(name) AS text FROM file WHERE is_video"
        return self._one(f"SELECT count(*), count(DISTINCT text) FROM ({values}) WHERE text != x''")

    def _define(self, of: Callable[[str], str]) -> None:
        self._database.create_function("value", 1, lambda name: _stored(of(_text(name))))

    def _one(self, query: str, values: Sequence[bytes] = ()) -> tuple:
        return self._database.execute(query, values).fetchone()


def _row(name: str, extensions: Collection[str]) -> tuple:
    path = pathlib.PurePath(name)
    keys = map(normal, (name, path.name, str(path.with_suffix(""))))
    return *map(_stored, (name, *keys)), path.suffix.lower()[1:] in extensions


def _stored(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _text(stored: bytes) -> str:
    return stored.decode("utf-8", "surrogatepass")

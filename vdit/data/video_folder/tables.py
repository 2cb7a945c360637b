"""Tables about videos (CSV, TSV, JSON Lines, Parquet) as rows that know where they stand.

A table is read strictly: a row that can be read in two ways is an error that names it.
"""

import csv
import dataclasses
import json
import pathlib
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from vdit.errors import InputError

# Columns that hold a video's name, ours first: those of Hugging Face's VideoFolder and of others.
FILE_COLUMNS = ("video_file_name", "file_name", "video", "path", "file")


class Row(NamedTuple):
    """One row: where it stands ("line 3") and its cells by column."""

    place: str
    cells: dict[str, Any]


@dataclasses.dataclass(frozen=True)
class Table:
    """The rows of a file that are not blank, and the names of its columns."""

    path: pathlib.Path
    columns: tuple[str, ...]
    rows: tuple[Row, ...]

    def text(self, row: Row, column: str) -> str:
        """A cell as text, "" where there is none; `InputError` for a list or an object."""
        value = row.cells.get(column)
        if isinstance(value, (list, dict)):
            raise InputError(f"{self.path} {row.place}: {column} is {value!r}, expected text")
        return "" if value is None else str(value).strip()

    def column(self, asked: str | None, known: Sequence[str], flag: str) -> str:
        """The column `asked` for, or the one that has a known name.

        Raises `InputError`, which names the flag, where there is none, or more than one.
        """
        fits = [name for name in ([asked] if asked else known) if name in self.columns]
        if len(fits) == 1:
            return fits[0]
        found = ", ".join(self.columns) or "none"
        if not fits:
            wanted = repr(asked) if asked else " or ".join(map(repr, known))
            raise InputError(f"{self.path}: no column {wanted}; columns found: {found} ({flag})")
        raise InputError(f"{self.path}: columns {' and '.join(fits)}: choose one by {flag}")


def read_table(path: pathlib.Path, flag: str) -> Table:
    """The table of a file; raises `InputError` for what is no table, and names the row."""
    if not path.is_file():
        raise InputError(f"{flag} {path}: no such file")
    readers = {".csv": _separated, ".tsv": _separated, ".jsonl": _json_lines, ".parquet": _parquet}
    if (kind := path.suffix.lower()) not in readers:
        raise InputError(f"{flag} {path}: expected a name that ends in {', '.join(readers)}")
    try:
        columns, rows = readers[kind](path)
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: not UTF-8 ({error})") from error
    return Table(path, tuple(columns), tuple(row for row in rows if _is_written(row)))


def _is_written(row: Row) -> bool:
    return any(cell is not None and str(cell).strip() for cell in row.cells.values())


def _separated(path: pathlib.Path) -> tuple[list[str], list[Row]]:
    """CSV or TSV: rows of as many cells as the header has, or blank ones."""
    rows, start = [], 1
    with path.open(newline="", encoding="utf-8-sig") as lines:
        delimiter = "\t" if path.suffix.lower() == ".tsv" else ","
        reader = csv.reader(lines, delimiter=delimiter, strict=True, skipinitialspace=True)
        try:
            header = [cell.strip() for cell in next(reader, [])]
            start = reader.line_num + 1
            for cells in reader:
                if len(cells) != len(header) and any(cells):
                    raise InputError(
                        f"{path} line {start}: {len(cells)} cells, the header has {len(header)}; "
                        "a text with commas stands in quotes"
                    )
                rows.append(Row(f"line {start}", dict(zip(header, cells, strict=False))))
                start = reader.line_num + 1
        except csv.Error as error:
            raise InputError(f"{path} line {start}: {error}; is a quote left open?") from error
    return header, rows


def _json_lines(path: pathlib.Path) -> tuple[list[str], list[Row]]:
    rows = [
        Row(f"line {number}", json_object(line, f"{path} line {number}"))
        for number, line in enumerate(path.read_text(encoding="utf-8-sig").split("\n"), 1)
        if line.strip()
    ]
    return list(dict.fromkeys(name for row in rows for name in row.cells)), rows


def json_object(text: str, where: str) -> dict[str, Any]:
    """A JSON object; `InputError`, which says where, for anything else."""
    try:
        found = json.loads(text)
    except ValueError as error:
        raise InputError(f"{where}: not JSON ({error})") from error
    if not isinstance(found, dict):
        raise InputError(f"{where}: expected an object, it is {type(found).__name__}")
    return found


def _parquet(path: pathlib.Path) -> tuple[list[str], list[Row]]:
    import pyarrow
    from pyarrow import parquet

    try:
        table = parquet.read_table(path)
    except pyarrow.ArrowInvalid as error:
        raise InputError(f"{path}: not Parquet ({error})") from error
    rows = [Row(f"row {number}", cells) for number, cells in enumerate(table.to_pylist(), 1)]
    return table.column_names, rows


def rows_of(table: Table, column: str, videos: Iterable[str]) -> dict[str, Row]:
    """The row of each video that has one; `column` holds a path under the folder or a bare name.

    Names are compared in Unicode's form NFC: macOS writes files in another. Raises `InputError`
    for a row that names no video, or more than one, or one that another row names.
    """
    paths, bare = defaultdict(list), defaultdict(list)
    for video in videos:
        paths[normal(video)].append(video)
        bare[pathlib.PurePath(normal(video)).name].append(video)
    found: dict[str, Row] = {}
    for row in table.rows:
        name = normal(table.text(row, column))
        fits = paths.get(name) or bare.get(name, [])
        if len(fits) != 1:
            what = f"may be {' or '.join(fits)}" if fits else "is no video of the folder"
            raise InputError(f"{table.path} {row.place}: {name!r} {what}")
        if fits[0] in found:
            former = found[fits[0]].place
            raise InputError(f"{table.path} {row.place}: {name!r} is named by {former}, too")
        found[fits[0]] = row
    return found


def normal(name: str) -> str:
    """A file's name in the form in which names are compared."""
    return unicodedata.normalize("NFC", pathlib.PurePath(name).as_posix() if name else "")

"""Tables about videos (CSV, TSV, JSON Lines, Parquet) as rows that know where they stand.

A table is read strictly: a row that can be read in two ways is an error that names it.
"""

import contextlib
import csv
import dataclasses
import json
import pathlib
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from vdit.errors import InputError

if TYPE_CHECKING:
    from pyarrow import parquet

# Columns that hold a video's name, ours first: those of Hugging Face's VideoFolder and of others.
FILE_COLUMNS = ("video_file_name", "file_name", "video", "path", "file")


class Row(NamedTuple):
    """One row: where it stands ("line 3") and its cells by column."""

    place: str
    cells: dict[str, Any]


@dataclasses.dataclass(frozen=True)
class Table:
    """The rows of a file, read anew by `read` each time, and the names of its columns."""

    path: pathlib.Path
    columns: tuple[str, ...]
    read: Callable[[], Iterable[Row]]

    @property
    def rows(self) -> Iterator[Row]:
        """Those that are not blank."""
        return filter(_is_written, self.read())

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
    """The table of a file, whose rows are read when they are asked for; that and this raise
    `InputError` for what is no table, and name the row."""
    if not path.is_file():
        raise InputError(f"{flag} {path}: no such file")
    readers = {".csv": _separated, ".tsv": _separated, ".jsonl": _json_lines, ".parquet": _parquet}
    if (kind := path.suffix.lower()) not in readers:
        raise InputError(f"{flag} {path}: expected a name that ends in {', '.join(readers)}")

    def rows() -> Iterator[Row]:
        with _named(path):
            yield from readers[kind](path)

    with _named(path):
        return Table(path, COLUMNS.get(kind, _header)(path), rows)


@contextlib.contextmanager
def _named(path: pathlib.Path) -> Iterator[None]:
    try:
        yield
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: not UTF-8 ({error})") from error


def _is_written(row: Row) -> bool:
    return any(cell is not None and str(cell).strip() for cell in row.cells.values())


def _separated(path: pathlib.Path) -> Iterator[Row]:
    """Of CSV or TSV: rows of as many cells as the header has, or blank ones."""
    header = _header(path)
    for start, cells in _lines(path):
        if len(cells) != len(header) and any(cells):
            raise InputError(
                f"{path} line {start}: {len(cells)} cells, the header has {len(header)}; "
                "a text with commas stands in quotes"
            )
        if start > 1:
            yield Row(f"line {start}", dict(zip(header, cells, strict=False)))


def _header(path: pathlib.Path) -> tuple[str, ...]:
    return tuple(cell.strip() for cell in next(_lines(path), (1, []))[1])


def _lines(path: pathlib.Path) -> Iterator[tuple[int, list[str]]]:
    """The cells of each row, the header's first, and the line where it starts."""
    start = 1
    with path.open(newline="", encoding="utf-8-sig") as lines:
        delimiter = "\t" if path.suffix.lower() == ".tsv" else ","
        reader = csv.reader(lines, delimiter=delimiter, strict=True, skipinitialspace=True)
        try:
            for cells in reader:
                yield start, cells
                start = reader.line_num + 1
        except csv.Error as error:
            raise InputError(f"{path} line {start}: {error}; is a quote left open?") from error


def _json_lines(path: pathlib.Path) -> Iterator[Row]:
    with path.open(newline="\n", encoding="utf-8-sig") as lines:
        for number, line in enumerate(lines, 1):
            if line.strip():
                yield Row(f"line {number}", json_object(line, f"{path} line {number}"))


def json_object(text: str, where: str) -> dict[str, Any]:
    """A JSON object; `InputError`, which says where, for anything else."""
    try:
        found = json.loads(text)
    except ValueError as error:
        raise InputError(f"{where}: not JSON ({error})") from error
    if not isinstance(found, dict):
        raise InputError(f"{where}: expected an object, it is {type(found).__name__}")
    return found


def _parquet(path: pathlib.Path) -> Iterator[Row]:
    with _parquet_file(path) as file:
        cells = (row for batch in file.iter_batches() for row in batch.to_pylist())
        for number, row in enumerate(cells, 1):
            yield Row(f"row {number}", row)


@contextlib.contextmanager
def _parquet_file(path: pathlib.Path) -> Iterator["parquet.ParquetFile"]:
    import pyarrow
    from pyarrow import parquet

    try:
        with parquet.ParquetFile(path) as file:
            yield file
    except pyarrow.ArrowInvalid as error:
        raise InputError(f"{path}: not Parquet ({error})") from error


def _parquet_columns(path: pathlib.Path) -> tuple[str, ...]:
    with _parquet_file(path) as file:
        return tuple(file.schema_arrow.names)


def _json_columns(path: pathlib.Path) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for row in _json_lines(path) for name in row.cells))


COLUMNS = {".jsonl": _json_columns, ".parquet": _parquet_columns}  # of others, the header


def normal(name: str) -> str:
    """A file's name in the form in which names are compared."""
    return unicodedata.normalize("NFC", pathlib.PurePath(name).as_posix() if name else "")

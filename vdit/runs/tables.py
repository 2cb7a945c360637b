"""Rows of named values as text: CSV, or aligned under their names. No JAX here."""

import contextlib
import csv
import io
import pathlib


def as_csv(table: list[dict]) -> str:
    """The rows as CSV; a column that a row has not is empty there."""
    out = io.StringIO()
    names = dict.fromkeys(name for row in table for name in row)
    writer = csv.DictWriter(out, names, lineterminator="\n")
    writer.writeheader()
    writer.writerows(table)
    return out.getvalue()


def as_text(table: list[dict]) -> str:
    """The rows aligned under their names."""
    lines = [list(table[0]), *(list(map(str, row.values())) for row in table)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    pad = [[word.rjust(w) for word, w in zip(line, widths, strict=True)] for line in lines]
    return "\n".join("  ".join(line).rstrip() for line in pad)


def read_csv(path: pathlib.Path) -> list[dict]:
    """The rows of a table that `as_csv` wrote: numbers are numbers, empty values left out."""
    with open(path, newline="") as file:
        return [{k: _value(v) for k, v in row.items() if v} for row in csv.DictReader(file)]


def _value(text: str) -> int | float | str:
    for kind in (int, float):
        with contextlib.suppress(ValueError):
            return kind(text)
    return text

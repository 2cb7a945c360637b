"""Anybody's files of runs as a table: CSV of any delimiter, TSV, JSON lines, parquet, W&B exports.

pandas reads; what was guessed on the way is told. Nothing is renamed but blanks about names.
"""

import itertools
import json
import pathlib
import re
from collections.abc import Callable

import pandas as pd

from analysis.table import names, schema
from vdit.errors import InputError

Tell = Callable[[str], None]
FORMATS = "CSV, TSV, JSONL or parquet"
DELIMITERS = {",": "commas", "\t": "tabs", ";": "semicolons", "|": "bars"}
# A chart of Weights & Biases as CSV has a column "RUN - METRIC" for each run, and its ends.
CHART = re.compile(r"(?P<run>.+) - (?P<metric>.+?)(?P<end>__MIN|__MAX)?")


def load(path: str | pathlib.Path, tell: Tell = lambda line: None) -> pd.DataFrame:
    """The table at `path`; `tell` hears what was guessed. InputError if there is none."""
    path = pathlib.Path(path)
    if not path.is_file():
        raise InputError(f"{path}: no such file, expected a table ({FORMATS})")
    kind = path.suffix.lower().removeprefix(".")
    try:
        if kind == "parquet":
            table = pd.read_parquet(path)
        elif kind in ("json", "jsonl", "ndjson"):
            table = _json(path, kind)
        else:
            table = _text(path, tell)
    except InputError:  # a ValueError too, and says all
        raise
    except ImportError:
        raise InputError(f"{path}: reading parquet needs pyarrow, which is not installed") from None
    except (ValueError, OSError) as error:  # of pandas for text, of pyarrow for parquet
        raise InputError(f"{path}: not a table: {str(error).splitlines()[0]}") from error
    return _long(stripped(table, path), tell)


def read_table(path: str | pathlib.Path) -> pd.DataFrame:
    """The results table at `path`, in its own names; InputError if it is malformed."""
    return schema.validate(load(path), name=pathlib.Path(path).name)


def _json(path, kind):
    """A row for each object; what is nested has dotted names."""
    text = path.read_text(encoding="utf-8")
    rows = json.loads(text) if kind == "json" else list(_of_lines(text, path))
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise InputError(f"{path}: expected objects, one for each row")
    return pd.json_normalize(rows)


def _of_lines(text, path):
    for number, line in enumerate(text.split("\n"), 1):
        try:
            yield from [json.loads(line)] if line.strip() else []
        except ValueError as error:
            raise InputError(f"{path}: line {number} is no JSON: {error}") from None


def _text(path, tell):
    """Columns between whichever delimiter cuts the header into most."""
    first = _comments(path, tell)
    heads = {
        mark: list(pd.read_csv(path, sep=mark, nrows=0, skiprows=first).columns)
        for mark in DELIMITERS
    }
    mark = max(heads, key=lambda mark: len(heads[mark]))
    if mark != "," and len(heads[mark]) > 1:
        tell(f"read as a table with {DELIMITERS[mark]} between columns")
    # An identifier of twelve hex digits may look like a number, so it is read as text.
    texts = {name: str for name in heads[mark] if names.is_identifier(name)}
    table = pd.read_csv(path, sep=mark, dtype=texts, skiprows=first)
    if list(table.index) not in (list(range(len(table))), list(range(1, len(table) + 1))):
        raise InputError(
            f"{path}: rows have more cells than the header has names: is a comma inside a number? "
            "expected a decimal point, and quotes around thousand separators"
        )
    return table.reset_index(drop=True)


def _comments(path, tell):
    """How many lines that begin with # stand before the header."""
    with open(path, encoding="utf-8", errors="replace") as file:
        count = sum(1 for _ in itertools.takewhile(lambda line: line.startswith("#"), file))
    if count:
        tell(f"passed over {count} line{'s' * (count > 1)} of # before the header")
    return count


def stripped(table: pd.DataFrame, name: str | pathlib.Path = "table") -> pd.DataFrame:
    """The table with no blanks about its names; InputError where two columns share one."""
    table = table.rename(columns=lambda column: str(column).strip())
    twice = table.columns[table.columns.duplicated()]
    if len(twice):
        raise InputError(f"{name}: two columns are named {twice[0]!r}")
    return table


def _long(table, tell):
    """A chart of Weights & Biases as rows of run, x and metric; any other table as it is."""
    found = {name: CHART.fullmatch(name) for name in table.columns}
    shown = {name: match for name, match in found.items() if match and not match["end"]}
    if not any(f"{name}__MIN" in table.columns for name in shown):
        return table
    axis = [name for name, match in found.items() if not match]
    parts = [
        table[axis].assign(run=match["run"], **{match["metric"]: table[name]})
        for name, match in shown.items()
    ]
    tell(f"read as a chart of W&B: {len(shown)} runs, each a column; their __MIN, __MAX left out")
    rows = pd.concat(parts, ignore_index=True)
    metrics = [match["metric"] for match in shown.values()]
    return rows.dropna(subset=metrics, how="all", ignore_index=True)

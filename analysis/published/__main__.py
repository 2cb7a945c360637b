"""Fit published tables of runs and set the numbers beside those that were published.

python -m analysis.published --shared ../shared --out analysis/results/published/table.csv
"""

import pathlib
import sys
from collections.abc import Iterator

from analysis.published.compared import Compared
from analysis.table import writing
from vdit import errors
from vdit.errors import InputError

TABLES = (
    *("epoch_chinchilla", "gemstones", "olmo_ladder", "dit", "video_dit_published"),
    "step_law",
)


def compared(shared: pathlib.Path, bootstrap: int) -> Iterator[Compared]:
    """Every number of every table that `shared` has; those that it lacks are said."""
    import importlib

    for name in TABLES:
        folder = shared / "reference" / "fits" / name
        if folder.is_dir():
            module = importlib.import_module(f"analysis.published.{name}")
            yield from module.compare(folder, bootstrap)
        else:
            print(f"{folder}: not there, left out", file=sys.stderr)


def line(row: Compared) -> str:
    """One number in words."""
    ours = "none" if row.ours is None else f"{row.ours:<8.5g}{_between(row.interval)}"
    theirs = f"{row.published:<8.5g}{_between(row.published_interval)}"
    return f"  {row.number:28s} published {theirs:38s} here {ours}"


def _between(interval):
    return "" if interval is None else f" [{interval[0]:.4g}, {interval[1]:.4g}]"


def main(argv: list[str] | None = None) -> None:
    """Command line of `analysis.published`."""
    parser = errors.parser("analysis.published", __doc__)
    parser.add_argument("--shared", type=pathlib.Path, required=True, help="has reference/fits")
    parser.add_argument("--bootstrap", type=int, default=400, help="resamples of intervals (400)")
    parser.add_argument("--out", help="also write the table here (CSV)")
    args = parser.parse_args(argv)
    rows, above = [], None
    for row in compared(args.shared, args.bootstrap):
        if above != (above := (row.table, row.what)):
            print(f"{row.table}, {row.what}")
        print(line(row))
        rows.append(row.as_dict())
    if not rows:
        raise InputError(f"{args.shared}: holds none of the tables {', '.join(TABLES)}")
    if args.out:
        import pandas as pd

        writing.csv(args.out, pd.DataFrame(rows))


if __name__ == "__main__":
    errors.run(main)

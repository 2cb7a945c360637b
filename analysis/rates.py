"""Does one learning rate serve all widths? The best rate of each width, with its interval.

python -m analysis.rates results.csv --out rates.csv --png rates.png

The table has rows of several widths and learning rates, such as `sweeps/mup.py` makes; a column
`parameterization` (sp, mup) where they differ in it. Rows whose schedule had not ended are left
out.
"""

import argparse
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

from analysis.table import arguments
from vdit import errors
from vdit.runs.files import write_bytes, write_text

if TYPE_CHECKING:
    from analysis.fitting.rates import Rates

NEEDED = ("loss", "lr", "width")
FOUND = ("lr", "low", "high", "best_run_lr")
COLUMNS = ("parameterization", "width", "rows", "used", "status", *FOUND)


def main(argv: list[str] | None = None) -> None:
    """Command line of `analysis.rates`."""
    parser = argparse.ArgumentParser(prog="analysis.rates", description=__doc__.splitlines()[0])
    parser.add_argument("table", help=arguments.TABLE)
    parser.add_argument("--out", metavar="CSV", help="table of the best rates to write")
    parser.add_argument("--png", metavar="PNG", help="picture to write")
    arguments.add(parser, NEEDED)
    args = parser.parse_args(argv)
    from analysis.figures import style, widths
    from analysis.fitting import rates, summary
    from analysis.fitting.rows import prepare
    from analysis.table import reading

    guessed = []
    table, given = reading.load(args.table, guessed.append), arguments.given(args)
    rows = prepare(
        table,
        NEEDED,
        args.table,
        given=given,
        higher_is_better=args.higher_is_better,
        notes=guessed,
    )
    for line in summary.warnings(rows.told()):
        print(line, file=sys.stderr)
    table, loss = rows.as_results(), rows.columns["loss"]
    if "parameterization" not in table.columns:
        print(f"note: {rates.ASSUMED}", file=sys.stderr)
    table = rates.parameterized(table)
    found = rates.fit(table, loss, args.table)
    print("\n".join(lines(found)))
    if args.out:
        write_text(args.out, csv(found))
        print(f"written to {args.out}")
    if args.png:
        drawn = widths.rates(table, found, loss, style.LIGHT, style.WIDE)
        write_bytes(args.png, style.png(drawn, style.LIGHT))
        print(f"written to {args.png}")


def lines(found: "Rates") -> list[str]:
    """The best rates and their laws for people."""
    text = [_line(width) for width in found.cells]
    for kind, law in found.laws.items():
        line = f"{kind:4s} {law.status}"
        if law.exponent is not None:
            low, high = law.interval
            line += f"; best rate ~ width^{law.exponent:.2f} [{low:.2f}, {high:.2f}]"
        if law.costs is not None:
            line += f"; the narrowest one's best rate costs the widest {law.costs:.1%} of loss"
        text.append(line)
    if found.noise:
        text.append(f"a run scatters {found.noise.sd:.2%} about the curves")
    return text


def _line(one):
    head = f"{one.parameterization:4s} width {one.width:5d}"
    if one.lr is None:
        return f"{head}: {one.cell.reason}"
    between = " [{:.3g}, {:.3g}]".format(*one.interval) if one.interval else ""
    return f"{head}: best rate {one.lr:8.3g}{between}, {one.cell.used} of {one.cell.rows} runs"


def csv(found: "Rates") -> str:
    """The best rates as CSV."""
    rows = ((f"{v:.5g}" if isinstance(v, float) else str(v) for v in row) for row in _rows(found))
    return "\n".join(",".join(row) for row in (COLUMNS, *rows)) + "\n"


def _rows(found) -> Iterator[tuple]:
    """In the order of `COLUMNS`."""
    for one in found.cells:
        cell = one.cell
        best = ("" if one.lr is None else one.lr, *(one.interval or ("", "")))
        status = cell.reason or "inside"
        told = one.parameterization, one.width, cell.rows, cell.used, status
        yield *told, *best, cell.best_run["lr"]


if __name__ == "__main__":
    errors.run(main)

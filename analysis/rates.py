"""Does one learning rate serve all widths? The best rate of each width, with its interval.

python -m analysis.rates results.csv --out rates.csv --png rates.png

The table has rows of several widths, learning rates and parameterisations (sp, mup), such as
`sweeps/mup.py` makes. Rows whose schedule had not ended are left out.
"""

import argparse
import sys
from typing import Any

from analysis.table import arguments
from vdit import errors
from vdit.runs.files import write_bytes, write_text

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
    found = rates.fit(table, loss, args.table)
    print("\n".join(lines(found)))
    if args.out:
        write_text(args.out, csv(found))
        print(f"written to {args.out}")
    if args.png:
        drawn = widths.rates(table, found, loss, style.LIGHT, style.WIDE)
        write_bytes(args.png, style.png(drawn, style.LIGHT))
        print(f"written to {args.png}")


def lines(found: dict[str, Any]) -> list[str]:
    """The best rates and their laws for people."""
    text = [
        f"{row['parameterization']:4s} width {row['width']:5d}: best rate {row['lr']:8.3g} "
        f"[{row['low']:.3g}, {row['high']:.3g}], {row['used']} of {row['rows']} runs"
        if row["lr"]
        else f"{row['parameterization']:4s} width {row['width']:5d}: {row['status']}"
        for row in _rows(found)
    ]
    for kind, law in found["laws"].items():
        line = f"{kind:4s} {law['status']}"
        if "exponent" in law:
            low, high = law["interval"]
            line += f"; best rate ~ width^{law['exponent']:.2f} [{low:.2f}, {high:.2f}]"
        if law["costs"] is not None:
            line += f"; the narrowest one's best rate costs the widest {law['costs']:.1%} of loss"
        text.append(line)
    if found["noise"]:
        text.append(f"a run scatters {found['noise']['sd']:.2%} about the curves")
    return text


def csv(found: dict[str, Any]) -> str:
    """The best rates as CSV."""
    text = [",".join(COLUMNS)]
    for row in _rows(found):
        text.append(",".join(f"{v:.5g}" if isinstance(v, float) else str(v) for v in row.values()))
    return "\n".join(text) + "\n"


def _rows(found):
    for cell in found["cells"]:
        low, high = cell.get("lr_interval", ("", ""))
        row = cell | {"lr": cell.get("lr", ""), "low": low, "high": high}
        yield {column: row[column] for column in COLUMNS}


if __name__ == "__main__":
    errors.run(main)

"""Does one learning rate serve all widths? The best rate of each width, with its interval.

python -m analysis.rates results.csv --out rates.csv --png rates.png

The table has rows of several widths and learning rates, such as `sweeps/mup.py` makes; a column
`parameterization` (sp, mup) where they differ in it. Rows whose schedule had not ended are left
out.
"""

import sys
from typing import TYPE_CHECKING

from analysis.table import arguments
from vdit import errors

if TYPE_CHECKING:
    import pandas as pd

    from analysis.fitting.rates import Rates

NEEDED = ("loss", "lr", "width")
COLUMNS = ["parameterization", "width", "rows", "used", "status"]
COLUMNS += ["lr", "low", "high", "best_run_lr"]


def main(argv: list[str] | None = None) -> None:
    """Command line of `analysis.rates`."""
    parser = errors.parser("analysis.rates", __doc__)
    parser.add_argument("table", help=arguments.TABLE)
    parser.add_argument("--out", metavar="CSV", help="table of the best rates to write")
    parser.add_argument("--png", metavar="PNG", help="picture to write")
    arguments.add(parser, NEEDED)
    args = parser.parse_args(argv)
    from analysis.figures import style, widths
    from analysis.fitting import rates, summary
    from analysis.fitting.rows import prepare
    from analysis.table import reading, writing

    guessed = []
    table, given = reading.load(args.table, guessed.append), arguments.given(args)
    options = arguments.choice(args) | {"given": given, "notes": guessed}
    rows = prepare(table, NEEDED, args.table, **options)
    for line in summary.warnings(rows.told()):
        print(line, file=sys.stderr)
    table, loss = rows.as_results(), rows.columns["loss"]
    if "parameterization" not in table.columns:
        print(f"note: {rates.ASSUMED}", file=sys.stderr)
    table = rates.parameterized(table)
    found = rates.fit(table, loss, args.table)
    print("\n".join(lines(found)))
    if args.out:
        writing.csv(args.out, by_width(found), digits=5)
    if args.png:
        writing.png(args.png, widths.rates(table, found, loss, style.LIGHT, style.WIDE))


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


def by_width(found: "Rates") -> "pd.DataFrame":
    """The best rates as a table; blank where a rate or its interval is not known."""
    import pandas as pd

    rows = []
    for one in found.cells:
        cell, ends = one.cell, one.interval or (None, None)
        told = one.parameterization, one.width, cell.rows, cell.used, cell.reason or "inside"
        rows.append((*told, one.lr, *ends, cell.best_run["lr"]))
    return pd.DataFrame(rows, columns=COLUMNS)


if __name__ == "__main__":
    errors.run(main)

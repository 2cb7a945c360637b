"""How far a sweep's exponents move with what is counted as compute and as size.

python -m analysis.variants results.csv --out variants.csv
"""

import sys

from analysis.engine import RESAMPLES
from analysis.table import arguments
from vdit import errors


def main(argv: list[str] | None = None) -> None:
    """Command line of `analysis.variants`."""
    parser = errors.parser("analysis.variants", __doc__)
    parser.add_argument("table", help=arguments.TABLE)
    arguments.add(parser)
    parser.add_argument("--bootstrap", type=int, default=RESAMPLES, help="0 for none (%(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="of the resamples (0)")
    parser.add_argument("--out", help="also write the table here (CSV)")
    args = parser.parse_args(argv)
    from analysis.fitting import exponents, summary
    from analysis.fitting.rows import swept
    from analysis.table import reading, writing

    guessed = []
    table = reading.load(args.table, guessed.append)
    options = arguments.choice(args) | arguments.given(args)
    rows = swept(table, args.table, guessed, **options)
    found, notes = exponents.of_rows(rows, args.bootstrap, args.seed)
    for line in [*summary.warnings(rows.told()), *(f"note: {note}" for note in notes)]:
        print(line, file=sys.stderr)
    print("\n".join(exponents.lines(found)))
    if args.out:
        writing.csv(args.out, found)


if __name__ == "__main__":
    errors.run(main)

"""How far a sweep's exponents move with what is counted as compute and as size.

python -m analysis.variants results.csv --out variants.csv
"""

import argparse
import sys

from analysis.engine import RESAMPLES
from vdit import errors
from vdit.runs.files import write_text


def main(argv: list[str] | None = None) -> None:
    """Command line of `analysis.variants`."""
    parser = argparse.ArgumentParser(prog="analysis.variants", description=__doc__.splitlines()[0])
    parser.add_argument("table", help="results table with compute budgets (CSV or parquet)")
    parser.add_argument("--loss", metavar="COL", help="loss (loss_ema where there, else loss)")
    parser.add_argument("--bootstrap", type=int, default=RESAMPLES, help="0 for none (%(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="of the resamples (0)")
    parser.add_argument("--out", help="also write the table here (CSV)")
    args = parser.parse_args(argv)
    from analysis.fitting import exponents
    from analysis.table import schema

    table = schema.load(args.table)
    found, notes = exponents.exponents(table, args.bootstrap, args.seed, args.table, loss=args.loss)
    for note in notes:
        print(f"note: {note}", file=sys.stderr)
    print("\n".join(exponents.lines(found)))
    if args.out:
        write_text(args.out, found.to_csv(index=False, float_format="%.6g"))
        print(f"written to {args.out}")


if __name__ == "__main__":
    errors.run(main)

"""Branches of one trunk beside whole runs: how far apart are their losses, and what is saved?

python -m analysis.branches results.csv --out branches.csv

The table has whole runs of one schedule or more, and branches at the same budgets and seeds, such
as `sweeps/branches.py` makes. Differences are seed by seed, with Student's 95 % interval.
"""

import argparse

from vdit import errors
from vdit.runs.files import write_text


def main(argv: list[str] | None = None) -> None:
    """Command line of `analysis.branches`."""
    parser = argparse.ArgumentParser(prog="analysis.branches", description=__doc__.splitlines()[0])
    parser.add_argument("table", help="results table (CSV or parquet)")
    parser.add_argument("--metric", default="loss_ema", metavar="COL", help="(loss_ema)")
    parser.add_argument("--out", metavar="CSV", help="also write the differences here")
    args = parser.parse_args(argv)
    from analysis.table import branches, reading

    table = reading.read_table(args.table)
    found = branches.compared(table, args.metric)
    slopes = branches.compared_slopes(table, args.metric)
    print(f"{args.metric} of branches less that of whole runs, seed by seed, 95 % intervals")
    print(found.to_string(index=False, float_format="{:.4g}".format))
    print(f"\nd log {args.metric} / d log FLOPs of branches less that of whole runs")
    print(slopes.to_string(index=False, float_format="{:.4g}".format))
    print("\n" + branches.cost_line(table))
    if args.out:
        write_text(args.out, found.to_csv(index=False, float_format="%.6g"))
        print(f"written to {args.out}")


if __name__ == "__main__":
    errors.run(main)

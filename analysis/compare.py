"""Groups of runs beside each other: a metric's mean over seeds, and its paired difference.

python -m analysis.compare results.csv --by variant --reference full --where "flops_budget > 0"
python -m analysis.compare results.csv --reference full --each flops_budget --png compared.png

Rows whose schedule had not ended, such as trunks', are left out.
"""

import argparse

from vdit import errors
from vdit.runs.files import write_bytes, write_text


def main(argv: list[str] | None = None) -> None:
    """Command line of `analysis.compare`."""
    parser = argparse.ArgumentParser(prog="analysis.compare", description=__doc__.splitlines()[0])
    parser.add_argument("table", help="results table (CSV or parquet)")
    parser.add_argument("--by", default="variant", metavar="COL", help="what groups differ in")
    parser.add_argument("--reference", required=True, help="the group that others are compared to")
    parser.add_argument("--metric", default="loss_ema", metavar="COL", help="(loss_ema)")
    parser.add_argument("--where", help='only rows like "flops_budget > 0"')
    parser.add_argument("--each", metavar="COL", help="apart for each value, as of flops_budget")
    parser.add_argument("--png", help="draw the differences of --each here")
    parser.add_argument("--out", help="also write the table here (CSV)")
    args = parser.parse_args(argv)
    if args.png and not args.each:
        parser.error("--png: expected --each, whose values are drawn beside each other")
    from analysis.table import groups, hygiene, query, reading

    table = reading.load(args.table)
    table = table[hygiene.annealed(table)]
    if args.where:
        table = table[query.chosen(table, args.where)]
    asked = args.by, args.reference, args.metric
    each = [args.each] if args.each else []
    found = (groups.compared_each if each else groups.compared)(table, *each, *asked)
    print(groups.as_text(found, args.by, args.metric, args.reference))
    if args.out:
        write_text(args.out, found.to_csv(index=False, float_format="%.6g"))
        print(f"written to {args.out}")
    if args.png:
        from analysis.figures import groups as figure
        from analysis.figures import style

        drawn = figure.draw(found, args.each, args.by, args.metric, style.LIGHT)
        write_bytes(args.png, style.png(drawn, style.LIGHT))
        print(f"written to {args.png}")


if __name__ == "__main__":
    errors.run(main)

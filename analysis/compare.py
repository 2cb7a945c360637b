"""Groups of runs beside each other: a metric's mean over seeds, and its paired difference.

python -m analysis.compare results.csv --by variant --reference full --where "flops_budget > 0"

Rows whose schedule had not ended, such as trunks', are left out.
"""

from vdit import errors


def main(argv: list[str] | None = None) -> None:
    """Command line of `analysis.compare`."""
    parser = errors.parser("analysis.compare", __doc__)
    parser.add_argument("table", help="results table (CSV or parquet)")
    parser.add_argument("--by", default="variant", metavar="COL", help="what groups differ in")
    parser.add_argument("--reference", required=True, help="the group that others are compared to")
    parser.add_argument("--metric", default="loss_ema", metavar="COL", help="(loss_ema)")
    parser.add_argument("--where", help='only rows like "flops_budget > 0"')
    parser.add_argument("--out", help="also write the table here (CSV)")
    args = parser.parse_args(argv)
    from analysis.table import groups, hygiene, query, reading, writing

    table = reading.load(args.table)
    table = table[hygiene.annealed(table)]
    if args.where:
        table = table[query.chosen(table, args.where)]
    found = groups.compared(table, args.by, args.reference, args.metric)
    print(groups.as_text(found, args.by, args.metric, args.reference))
    if args.out:
        writing.csv(args.out, found)


if __name__ == "__main__":
    errors.run(main)

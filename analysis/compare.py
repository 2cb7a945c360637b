"""Groups of runs beside each other: a metric's mean over seeds, and its paired difference.

python -m analysis.compare results.csv --by variant --reference full --where "flops_budget > 0"
python -m analysis.compare results.csv --reference full --metric loss,colour_agree --png x.png

Rows whose schedule had not ended, such as trunks', are left out.
"""

from vdit import errors


def main(argv: list[str] | None = None) -> None:
    """Command line of `analysis.compare`."""
    parser = errors.parser("analysis.compare", __doc__)
    parser.add_argument("table", help="results table (CSV or parquet)")
    parser.add_argument("--by", default="variant", metavar="COL", help="what groups differ in")
    parser.add_argument("--reference", required=True, help="the group that others are compared to")
    parser.add_argument("--metric", default="loss_ema", metavar="COL,…", help="(loss_ema)")
    parser.add_argument("--where", help='only rows like "flops_budget > 0"')
    parser.add_argument("--out", help="also write the table here (CSV)")
    parser.add_argument("--png", help="draw the means here")
    args = parser.parse_args(argv)
    from analysis.table import groups, hygiene, query, reading, writing

    table = reading.load(args.table)
    table = table[hygiene.annealed(table)]
    if args.where:
        table = table[query.chosen(table, args.where)]
    names = args.metric.split(",")
    found = {name: groups.compared(table, args.by, args.reference, name) for name in names}
    for name, rows in found.items():
        print(groups.as_text(rows, args.by, name, args.reference))
    if args.out:
        writing.csv(args.out, groups.joined(found))
    if args.png:
        from analysis.figures import groups as figure
        from analysis.figures import style

        writing.png(args.png, figure.draw(found, args.by, args.reference, style.LIGHT))


if __name__ == "__main__":
    errors.run(main)

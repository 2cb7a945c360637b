"""Any metrics against compute, beside what costs no compute at all: a table and a picture.

python -m analysis.trend results.csv --metric extend_position --metric animate_position \
    --baseline _still --png trend.png

A metric's baseline is the column of its name with that suffix, e.g. extend_position_still. Rows
whose schedule had not ended are left out.
"""

import argparse

from vdit import errors
from vdit.runs.files import write_bytes, write_text


def main(argv: list[str] | None = None) -> None:
    """Command line of `analysis.trend`."""
    parser = argparse.ArgumentParser(prog="analysis.trend", description=__doc__.splitlines()[0])
    parser.add_argument("table", help="results table (CSV or parquet)")
    parser.add_argument("--metric", action="append", required=True, metavar="COL", help="repeat it")
    parser.add_argument("--baseline", default="", metavar="SUFFIX", help="e.g. _still")
    parser.add_argument("--unit", default="", help="of the metrics, for the axis, e.g. px")
    parser.add_argument("--out", help="also write the table here (CSV)")
    parser.add_argument("--png", help="draw it here")
    args = parser.parse_args(argv)
    from analysis.table import budgets, reading

    table = reading.load(args.table)
    found = budgets.means(table, args.metric, args.baseline)
    print(budgets.as_text(found))
    if args.out:
        write_text(args.out, found.to_csv(index=False, float_format="%.6g"))
        print(f"written to {args.out}")
    if args.png:
        from analysis.figures import style, trend

        write_bytes(args.png, style.png(trend.draw(found, style.LIGHT, args.unit), style.LIGHT))
        print(f"written to {args.png}")


if __name__ == "__main__":
    errors.run(main)

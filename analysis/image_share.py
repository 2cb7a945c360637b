"""What are images beside videos worth? Shares of them against clips alone, with intervals.

python -m analysis.image_share results.csv --out images.csv --png picture.png

The table is that of `sweeps/image_share.py`: shares of images at a budget, and clips alone at that
budget and at what each share leaves them. `cost` is the loss above clips alone of the same budget,
`gain` that below clips alone of what is left, `worth` a clip's worth of an image, FLOP by FLOP.
"""

from vdit import errors


def main(argv: list[str] | None = None) -> None:
    """Command line of `analysis.image_share`."""
    parser = errors.parser("analysis.image_share", __doc__)
    parser.add_argument("table", help="results table (CSV or parquet)")
    parser.add_argument("--metric", default="loss", metavar="COL", help="(loss)")
    parser.add_argument("--out", metavar="CSV", help="also write the table here")
    parser.add_argument("--png", help="draw the losses here")
    args = parser.parse_args(argv)
    from analysis.table import hygiene, image_share, reading, writing

    table = reading.load(args.table)
    found = image_share.compared(table[hygiene.annealed(table)], args.metric)
    print(f"{args.metric}: images beside clips against clips alone, seed by seed, 95 % intervals")
    print(found.to_string(index=False, float_format="{:.3g}".format))
    if args.out:
        writing.csv(args.out, found)
    if args.png:
        from analysis.figures import image_share as figure
        from analysis.figures import style

        writing.png(args.png, figure.draw(found, args.metric, style.LIGHT))


if __name__ == "__main__":
    errors.run(main)

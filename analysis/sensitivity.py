"""Which damage do scores see, and is more of it read as worse? Reads a score check.

python -m analysis.sensitivity answers.csv --png answers.png

The table is written by `python -m vdit.evaluators.damage`.
"""

from vdit import errors


def main(argv: list[str] | None = None) -> None:
    """Command line of `analysis.sensitivity`."""
    parser = errors.parser("analysis.sensitivity", __doc__)
    parser.add_argument("table", help="table of vdit.evaluators.damage (CSV)")
    parser.add_argument("--png", metavar="PNG", help="picture to write")
    args = parser.parse_args(argv)
    from analysis.table import answers, reading, writing

    found = answers.of_table(reading.load(args.table), args.table)
    print("\n".join(answers.as_lines(found)))
    if args.png:
        from analysis.figures import style
        from analysis.figures.answers import draw

        writing.png(args.png, draw(found, style.LIGHT))


if __name__ == "__main__":
    errors.run(main)

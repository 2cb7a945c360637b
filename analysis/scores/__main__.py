"""Scores of the videos over compute: which are laws, which saturate, which say nothing.

python -m analysis.scores results.csv [--json scores.json] [--png scores.png]

Of every score: the run of lowest loss at the first and at the last budget, its error over clips and
seeds; what its curve reads; how many clips of each of two runs would tell 2x of compute apart; the
best size by the score over that by the loss, and at each budget; what the loss tells of the score;
and in which order abilities come, the compute at which each passes half of its upper bound.
"""

import sys
import textwrap
from dataclasses import asdict

from analysis.table import arguments
from vdit import errors
from vdit.errors import InputError
from vdit.runs.files import write_json


def main(argv: list[str] | None = None) -> None:
    """Command line of `analysis.scores`."""
    parser = errors.parser("analysis.scores", __doc__)
    parser.add_argument("table", help=arguments.TABLE)
    parser.add_argument("--json", metavar="FILE", help="curves, laws and gains to write")
    parser.add_argument("--png", metavar="FILE", help="picture to write")
    arguments.add(parser)
    args = parser.parse_args(argv)
    from analysis.figures import scores as figures
    from analysis.figures import style
    from analysis.fitting import rows as fitting
    from analysis.fitting import summary
    from analysis.fitting.table import fit_table
    from analysis.scores import curve, order, words
    from analysis.table import reading, writing

    guessed = []
    table = reading.load(args.table, guessed.append)
    options = arguments.choice(args) | arguments.given(args)
    options |= {"notes": guessed, "name": args.table}
    fit = fit_table(table, **options)
    for line in summary.warnings(fit):
        print(line, file=sys.stderr)
    rows = fitting.swept(table, **options).as_results()
    found = curve.curves(rows, fit)
    if not found:
        raise InputError(f"{args.table}: no scores at two budgets: expected columns NAME, NAME_se")
    print("\n".join(words.lines(found)))
    print(textwrap.fill(f"clips for 2x: {words.CLIPS}", words.WIDTH))
    print(words.part(words.RATIOS, words.ratios(found)))
    print(words.part(words.SIZES, words.sizes(found, fit)))
    print(words.part(words.BY_LOSS, words.laws(found)))
    if passed := order.order(found, rows, fit):
        print(words.part(words.ORDER, words.order(passed, fit.budgets[0].flops)))
    if same := words.left_out(rows):
        print(textwrap.fill(same, words.WIDTH))
    if args.json:
        scores = [one.as_dict() for one in found]
        write_json(args.json, {"scores": scores, "order": [asdict(one) for one in passed]})
        print(f"written to {args.json}")
    if args.png:
        writing.png(args.png, figures.scores(found, fit, style.LIGHT, style.WIDE))


if __name__ == "__main__":
    errors.run(main)

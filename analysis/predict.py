"""Write down the loss of a larger budget before it is run.

    python -m analysis.predict results.csv --factor 2 --out prediction.json
    python -m analysis.predict results.csv --factor 2 4 8 --scores permanence --out prediction.json

The first factor is the budget that is judged; of all of them `ahead` has the loss, the best size
and the scores that are asked for.
A prediction is made once. One whose runs are all in the table is left as it is, so that it stays
older than the runs it is checked against; one made from other runs is an error without --force.
"""

import pathlib
import sys
from collections.abc import Iterable
from dataclasses import replace

from analysis.table import arguments
from vdit import errors
from vdit.errors import InputError
from vdit.runs.files import read_json, write_json


def standing(path: str | pathlib.Path, run_ids: Iterable[str], budgets: Iterable[float]) -> str:
    """Why the prediction at `path` stands as it is, or "" if there is none to keep.

    `budgets` are those of the table. InputError if one made from other runs is in the way.
    """
    from analysis.frontier.prediction import same_budget

    if not pathlib.Path(path).exists():
        return ""
    old = read_json(path, "a prediction")
    made_from = set(old.get("run_ids", []))
    if made_from and made_from <= set(run_ids):
        if same_budget(old.get("flops", 0), budgets) is not None:
            return "the budget it predicts has been run since"
        return "made from runs of this table"
    raise InputError(
        f"{path}: holds a prediction made from other runs; move it away or give --force"
    )


def main(argv: list[str] | None = None) -> None:
    """Command line of `analysis.predict`."""
    parser = errors.parser("analysis.predict", __doc__)
    parser.add_argument("table", help=arguments.TABLE)
    parser.add_argument(
        "--factor", type=float, nargs="+", default=[2.0], help="times the largest budget (2)"
    )
    parser.add_argument("--scores", nargs="+", default=[], help="columns of scores, for `ahead`")
    arguments.add(parser)
    parser.add_argument("--force", action="store_true", help="replace an earlier prediction")
    parser.add_argument("--out", default="prediction.json", help="JSON to write (prediction.json)")
    args = parser.parse_args(argv)
    from analysis.fitting import guards, summary
    from analysis.fitting.rows import swept
    from analysis.frontier import forecast, prediction, selection
    from analysis.scores.ahead import of_table
    from analysis.table import reading, serial

    if min(args.factor) <= 1:
        raise InputError(f"--factor is {min(args.factor):g}, expected a number above 1")
    guessed = []
    table = reading.load(args.table, guessed.append)
    options = arguments.choice(args) | arguments.given(args)
    rows = swept(table, args.table, guessed, **options)
    loss, size = rows.columns["loss"], rows.columns.get("params", "params")
    table, left_out = selection.select(rows.as_results(), loss, size, args.table)
    told = rows.told()
    warned = (*told.warnings, *guards.of_sweep(table, loss, size))
    told = replace(told, warnings=warned, notes=(*told.notes, *left_out))
    for line in summary.warnings(told):
        print(line, file=sys.stderr)
    kept = "" if args.force else standing(args.out, table["run_id"], table["flops_budget"].unique())
    if kept:
        print(f"{args.out}: left as it is ({kept})")
        return
    factor, *further = args.factor
    scores = (of_table(table, args.scores, loss),) if args.scores else ()
    found = prediction.predict(table, factor, loss, size, further, *scores)
    write_json(args.out, serial.to_json(found))
    print(f"{args.out}: {_words(found)}")
    if owed := forecast.smallest_budget(found.ahead):
        print(owed)


def _words(found):
    loss = f"{found.loss:.4f}"
    if found.interval:
        loss += " (95 %: {:.4f} to {:.4f})".format(*found.interval)
    elif found.unbounded:
        loss = f"about {found.loss:.2g} (no interval: the runs do not bound it)"
    laws = ", ".join(f"{name} {law.weight:.0%}" for name, law in found.laws.items())
    tested = f"laws were tested up to {found.tested:.3g} times ahead in this table"
    return (
        f"loss {loss} at {found.flops:.3g} FLOPs by {laws}; "
        f"{tested}{', not as far as this' if found.beyond else ''}; "
        f"no change would be {found.no_change:.4f}"
    )


if __name__ == "__main__":
    errors.run(main)

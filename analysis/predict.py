"""Write down the loss of a larger budget before it is run.

    python -m analysis.predict results.csv --factor 2 --out prediction.json
    python -m analysis.predict results.csv --factor 2 4 8 --scores permanence --out prediction.json

The first factor is the budget that is judged; of all of them `ahead` has the loss, the best size
and the scores that are asked for.
A prediction is made once. One whose runs are all in the table is left as it is, so that it stays
older than the runs it is checked against; one made from other runs is an error without --force.
"""

import argparse
import pathlib
import sys
import time
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from analysis.table import arguments
from vdit import errors
from vdit.errors import InputError
from vdit.runs.files import read_json, write_json

if TYPE_CHECKING:  # slow to import, and --help needs none
    import pandas as pd

    from analysis.scores.curve import Curve


VERSION = 2
CURVE = 12  # points of the drawn prediction
SAME_BUDGET = 0.02  # budgets within this share of each other are one


def predict_table(
    table: "pd.DataFrame",
    factor: float = 2.0,
    loss: str = "loss_ema",
    size: str = "params",
    further: Sequence[float] = (),
    curves: "Sequence[Curve]" = (),
) -> dict[str, Any]:
    """Predict the frontier's loss at `factor` times the table's largest budget: a JSON-ready dict.

    Point and interval are of one mixture of laws, weighed by how they predicted budgets of the
    table (`frontier.forecast`), for the minimum of a budget designed like the largest. `laws` says
    what each said, `tested` how far ahead laws were tried here, in times of compute.
    `ahead` says more of `factor` and of `further` ones, with the scores of `curves`
    (`analysis.ahead`).
    """
    import numpy as np

    from analysis import ahead
    from analysis.frontier import best_size, forecast, minima, selection

    rows, _ = selection.select(table, loss, size)
    budgets, found = minima.measure(rows, loss, size)
    if len(found.loss) < 2:
        raise InputError("a prediction needs two budgets or more, the table has one")
    largest = float(rows["flops_budget"].max())
    columns = {"params": size, "tokens": "tokens", "flops": "flops", "loss": loss}
    runs = rows if set(columns.values()) <= set(rows.columns) else None
    whole = forecast.outlook(found, runs, columns)
    said = whole.at(largest * factor)
    told = best_size.headline(best_size.voices(found, whole.stack.laws.get("chinchilla")), found)
    path = np.geomspace(budgets[0].flops, said.flops, CURVE)
    return {
        "version": VERSION,
        "created": time.time(),
        "factor": factor,
        **said.as_dict(),
        "no_change": minima.estimate(budgets[-1], found.estimator)[1],
        "estimator": found.estimator,
        "columns": {"loss": loss, "size": size},
        "budgets": [budget.flops for budget in found.budgets],
        "curve": {"flops": path.tolist(), "loss": [whole.at(flops).loss for flops in path]},
        "rollout": whole.trials,
        "ahead": [
            ahead.look(whole, told.get("at"), curves, times, largest * times).as_dict()
            for times in (factor, *further)
        ],
        "run_ids": sorted(map(str, rows["run_id"])),
    }


def standing(path: str | pathlib.Path, run_ids: Iterable[str], budgets: Iterable[float]) -> str:
    """Why the prediction at `path` stands as it is, or "" if there is none to keep.

    `budgets` are those of the table. InputError if one made from other runs is in the way.
    """

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


def same_budget(flops: float, budgets: Iterable[float]) -> float | None:
    """The budget of `budgets` that is `flops` but for rounding, or None."""
    near = [b for b in budgets if abs(b - flops) <= SAME_BUDGET * flops]
    return min(near, key=lambda b: abs(b - flops)) if near else None


def main(argv: list[str] | None = None) -> None:
    """Command line of `analysis.predict`."""
    parser = argparse.ArgumentParser(prog="analysis.predict", description=__doc__.splitlines()[0])
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
    from analysis.frontier import selection
    from analysis.table import reading

    if min(args.factor) <= 1:
        raise InputError(f"--factor is {min(args.factor):g}, expected a number above 1")
    guessed = []
    table = reading.load(args.table, guessed.append)
    rows = swept(table, args.table, args.higher_is_better, guessed, **arguments.given(args))
    loss, size = rows.columns["loss"], rows.columns.get("params", "params")
    table, _ = selection.select(rows.as_results(), loss, size, args.table)
    told = rows.told()
    warned = (*told.warnings, *guards.of_sweep(table, loss, size))
    for line in summary.warnings(replace(told, warnings=warned)):
        print(line, file=sys.stderr)
    kept = "" if args.force else standing(args.out, table["run_id"], table["flops_budget"].unique())
    if kept:
        print(f"{args.out}: left as it is ({kept})")
        return
    curves = _curves(table, args.scores, loss) if args.scores else ()
    factor, *further = args.factor
    found = predict_table(table, factor, loss, size, further, curves)
    write_json(args.out, found)
    print(f"{args.out}: {_words(found)}")


def _curves(table, names, loss):
    from analysis import fit
    from analysis.scores import columns, curve

    known = [name for name in names if name in columns.names(table)]
    found = curve.curves(table, fit(table, "frontier", loss=loss), known)
    missing = sorted(set(names) - {one.name for one in found})
    if missing:
        raise InputError(f"--scores {missing[0]}: expected a score that two budgets have")
    return found


def _words(found):
    between = found["interval"]
    interval = f" (95 %: {between[0]:.4f} to {between[1]:.4f})" if between else ""
    laws = ", ".join(f"{name} {law['weight']:.0%}" for name, law in found["laws"].items())
    tested = f"laws were tested up to {found['tested']:.3g} times ahead in this table"
    return (
        f"loss {found['loss']:.4f}{interval} at {found['flops']:.3g} FLOPs by {laws}; "
        f"{tested}{', not as far as this' if found['beyond'] else ''}; "
        f"no change would be {found['no_change']:.4f}"
    )


if __name__ == "__main__":
    errors.run(main)

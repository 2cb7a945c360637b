"""Write down the loss of a larger budget before it is run.

    python -m analysis.predict results.csv --factor 2 --out prediction.json

A prediction is made once. One whose runs are all in the table is left as it is, so that it stays
older than the runs it is checked against; one made from other runs is an error without --force.
"""

import argparse
import pathlib
import sys
import time
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from analysis.engine import RESAMPLES
from analysis.table import arguments
from vdit import errors
from vdit.errors import InputError
from vdit.runs.files import read_json, write_json

if TYPE_CHECKING:  # slow to import, and --help needs none
    import pandas as pd


VERSION = 1
SAME_BUDGET = 0.02  # budgets within this share of each other are one


def predict_table(
    table: "pd.DataFrame",
    factor: float = 2.0,
    loss: str = "loss_ema",
    size: str = "params",
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> dict[str, Any]:
    """Predict the frontier's loss at `factor` times the table's largest budget: a JSON-ready dict.

    The law is chosen by rollout inside the table. The interval is that of the law with a floor,
    of which the power law is one end (of the power law where there are but two budgets), for the
    minimum of a budget designed like the largest; a point beyond it is moved to its end.
    """
    import numpy as np

    from analysis.frontier import minima

    rng = np.random.default_rng(seed)
    rows, _ = minima.select(table, loss, size)
    budgets, found = minima.measure(rows, loss, size, resamples, rng)
    if len(found.loss) < 2:
        raise InputError("a prediction needs two budgets or more, the table has one")
    flops = float(rows["flops_budget"].max()) * factor
    tried, fitted, point, interval = forecast(found, flops)
    return {
        "version": VERSION,
        "created": time.time(),
        "factor": factor,
        "flops": flops,
        "loss": point,
        "interval": interval,
        "no_change": minima.estimate(budgets[-1], found.estimator)[1],
        "law": tried["chosen"],
        "parameters": fitted["parameters"],
        "reference": fitted["reference"],
        "estimator": found.estimator,
        "columns": {"loss": loss, "size": size},
        "budgets": [budget.flops for budget in found.budgets],
        "rollout": tried,
        "run_ids": sorted(map(str, rows["run_id"])),
    }


def forecast(found, flops):
    """(rollout, the chosen law's fit, its loss at `flops`, the interval) from `minima.Minima`."""
    from analysis.frontier import minima, rollout
    from analysis.laws import forms

    tried = rollout.rollout(found)
    fitted = minima.fit_law(tried["chosen"], found)
    p = fitted["parameters"]
    point = float(forms.frontier_at(flops, fitted["reference"], p["E"], p["A"], p["g"]))
    between = _interval(found, flops)
    if between is not None:
        point = min(max(point, between[0]), between[1])
    return tried, fitted, point, between


def _interval(found, flops):
    import numpy as np

    from analysis.frontier import curve, minima

    if found.noise is None:
        return None
    law = "frontier" if len(found.loss) >= curve.MIN_POINTS["frontier"] else "power"
    return minima.reach(law, found).at(np.log([flops]), found.leverage[0, -1])[:, 0].tolist()


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
    parser.add_argument("--factor", type=float, default=2.0, help="times the largest budget (2)")
    arguments.add(parser)
    parser.add_argument("--seed", type=int, default=0, help="of the resamples")
    parser.add_argument("--force", action="store_true", help="replace an earlier prediction")
    parser.add_argument("--out", default="prediction.json", help="JSON to write (prediction.json)")
    args = parser.parse_args(argv)
    from analysis.fitting import summary
    from analysis.fitting.rows import swept
    from analysis.frontier import minima
    from analysis.table import reading

    if args.factor <= 1:
        raise InputError(f"--factor is {args.factor:g}, expected a number above 1")
    guessed = []
    table = reading.load(args.table, guessed.append)
    rows = swept(table, args.table, args.higher_is_better, guessed, **arguments.given(args))
    for line in summary.warnings(rows.told()):
        print(line, file=sys.stderr)
    loss, size = rows.columns["loss"], rows.columns.get("params", "params")
    table, _ = minima.select(rows.as_results(), loss, size, args.table)
    kept = "" if args.force else standing(args.out, table["run_id"], table["flops_budget"].unique())
    if kept:
        print(f"{args.out}: left as it is ({kept})")
        return
    found = predict_table(table, args.factor, loss, size, seed=args.seed)
    write_json(args.out, found)
    between = found["interval"]
    interval = f" (95 %: {between[0]:.4f} to {between[1]:.4f})" if between else ""
    print(
        f"{args.out}: loss {found['loss']:.4f}{interval} at {found['flops']:.3g} FLOPs by the "
        f"{found['law']} law; no change would be {found['no_change']:.4f}"
    )


if __name__ == "__main__":
    errors.run(main)

"""What came of predictions: each number beside what the budget it spoke of then gave.

python -m analysis.outcome results.csv prediction.json [prediction.json ...] [--csv outcome.csv]
    [--png outcome.png]

The truth of a budget is the vertex over its sizes (loss and best size) and the run of lowest loss
(scores). A prediction made after the first run of a budget had started is said to be late.
"""

import hashlib
import pathlib
import sys
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from analysis.table import arguments
from vdit import errors
from vdit.errors import InputError
from vdit.runs.files import NUMBER, read_json, require

if TYPE_CHECKING:  # slow to import, and --help needs none
    import pandas as pd

    from analysis.fitting.result import Fit
    from analysis.frontier.prediction import Prediction

STACK = "all laws"


@dataclass(frozen=True)
class Outcome:
    """One predicted quantity of one budget; `law` is that which said it.

    `low` to `high`: the interval of 95 %, None where there was none. `truth_error`: one standard
    error of the truth in its own units, None where no noise is known.
    """

    prediction: str
    flops: float
    times: float  # the largest budget it was made from
    quantity: str  # loss, size, or a score
    law: str
    predicted: float
    low: float | None
    high: float | None
    truth: float
    truth_error: float | None
    late: bool

    @property
    def error(self) -> float:
        """Predicted over true less one."""
        return self.predicted / self.truth - 1

    @property
    def inside(self) -> bool | None:
        """Whether the interval holds the truth; None without one."""
        return None if self.low is None else self.low <= self.truth <= self.high

    def as_dict(self) -> dict[str, Any]:
        """For a table."""
        return asdict(self) | {"error": self.error, "inside": self.inside}


def outcomes(
    name: str, prediction: "Prediction", table: "pd.DataFrame", fit: "Fit", rows: "pd.DataFrame"
) -> Iterator[Outcome]:
    """Of every budget that `prediction` looked ahead to and `table` has by now; `rows` of it are
    those of the fit, all others may have started before."""
    from analysis.frontier.prediction import SAME_BUDGET, same_budget

    budgets = {budget.flops: budget for budget in fit.budgets}
    for told in prediction.ahead:
        found = same_budget(told.flops, budgets)
        if found is None:
            continue
        near = (table["flops_budget"] / found - 1).abs() <= SAME_BUDGET
        late = bool(prediction.created >= table.loc[near, "started"].min())
        ended = rows[rows["flops_budget"] == found]
        for quantity, law, said, truth, error in _pairs(told, budgets[found], ended, fit):
            about = (name, found, told.factor, quantity, law)
            yield Outcome(*about, said.value, *(said.interval or (None, None)), truth, error, late)


def _pairs(told, budget, rows, fit):
    """(quantity, law, what was said, truth, its error) of one budget."""
    from analysis.engine.answer import Answer

    error = None if budget.loss_sd is None else budget.loss * budget.loss_sd
    for law, said in ({STACK: told} | told.laws).items():
        yield "loss", law, Answer(said.loss, said.interval), budget.loss, error
    if told.size and budget.fitted:
        yield "size", STACK, told.size, budget.size, None
    for name, by_law in told.scores.items():
        scored = rows.dropna(subset=[name]) if name in rows else rows[:0]
        if scored.empty:
            continue
        best = scored.loc[scored[fit.columns["loss"]].idxmin()]
        spread = best.get(f"{name}_se")
        for law, said in by_law.items():
            yield name, law, said, float(best[name]), None if spread is None else float(spread)


def read(path: str | pathlib.Path) -> "Prediction":
    """What `analysis.predict` wrote; `DamagedFileError` for what it did not, `InputError` for what
    it wrote before predictions looked ahead."""
    from analysis.frontier.prediction import Prediction

    found = Prediction.from_json(read_json(path, "a prediction", _check))
    if not found.ahead:
        raise InputError(
            f"{path}: of an older analysis.predict, it has no budgets ahead to compare"
        )
    return found


def _check(found):
    require(found, {"version": int, "created": NUMBER, "flops": NUMBER, "run_ids": list})


def in_force(table: "pd.DataFrame", paths: Iterable[str | pathlib.Path]) -> list[str]:
    """SHA-256 of the newest prediction of each run's budget that was there before it started."""
    from analysis.frontier.prediction import same_budget

    _need_starts(table)
    made = sorted(((read(path), path) for path in paths), key=lambda one: one[0].created)
    digests = []
    for budget, started in zip(table["flops_budget"], table["started"], strict=True):
        known = [
            path
            for told, path in made
            if told.created < started
            and same_budget(budget, [one.flops for one in told.ahead]) is not None
        ]
        digests.append(_digest(known[-1]) if known else "")
    return digests


def _need_starts(table):
    if missing := sorted({"flops_budget", "started"} - set(table.columns)):
        raise InputError(f"no column {missing[0]} in the table; analysis.collect writes it")


def _digest(path):
    return hashlib.sha256(pathlib.Path(path).read_bytes()).hexdigest()


def line(one: Outcome) -> str:
    """For a reader."""
    interval = "" if one.low is None else f" ({one.low:.4g} to {one.high:.4g})"
    inside = {True: "inside", False: "OUTSIDE", None: ""}[one.inside]
    late = "  late" if one.late else ""
    return (
        f"{one.prediction:24} {one.flops:9.3g} {one.times:6.4g}x  {one.quantity:18} {one.law:10} "
        f"{one.predicted:9.4g}{interval}  was {one.truth:.4g}  {one.error:+.1%}  {inside}{late}"
    )


def main(argv: list[str] | None = None) -> None:
    """Command line of `analysis.outcome`."""
    parser = errors.parser("analysis.outcome", __doc__)
    parser.add_argument("table", help=arguments.TABLE)
    parser.add_argument("predictions", nargs="+", help="files of analysis.predict")
    parser.add_argument("--csv", help="table to write")
    parser.add_argument("--png", help="picture to write: losses, as predicted and as they came")
    arguments.add(parser, roles=())
    args = parser.parse_args(argv)
    import pandas as pd

    from analysis.fitting import again
    from analysis.fitting.table import fit_table
    from analysis.table import query, reading, writing

    table, found = reading.load(args.table), []
    if args.where:  # other runs of a budget, if they started earlier, say nothing of these
        table = table[query.chosen(table, args.where)]
    _need_starts(table)
    predictions = {pathlib.Path(path).stem: read(path) for path in args.predictions}
    options = {"name": args.table} | arguments.choice(args)
    for name, told in predictions.items():
        fitted = fit_table(table, "frontier", **options, **_columns(told, table))
        rows = again.rows(table, fitted, args.table).as_results()
        found += outcomes(name, told, table, fitted, rows)
    if not found:
        print("none of the predicted budgets is in the table yet", file=sys.stderr)
    print("\n".join(map(line, found)))
    if args.csv:
        writing.csv(args.csv, pd.DataFrame([one.as_dict() for one in found]), digits=None)
    if args.png:
        from analysis.figures import style
        from analysis.figures.predicted import predicted

        writing.png(args.png, predicted(rows, fitted, predictions, style.LIGHT))


def _columns(told, table):
    """The columns that were predicted; a size that the table does not have was derived."""
    size = told.columns.get("size")
    return {"loss": told.columns["loss"], "params": size if size in table.columns else None}


if __name__ == "__main__":
    errors.run(main)

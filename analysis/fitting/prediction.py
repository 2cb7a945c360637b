"""What a fitted law says of runs it has not seen: those held out, and the best of a larger compute.

Intervals are those of new runs: the law's own error and, about each prediction, the scatter of the
runs fitted.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from analysis.table import columns

if TYPE_CHECKING:
    from analysis.fitting.entry import Fitted
    from analysis.fitting.rows import Rows

AHEAD = 8.0  # times the largest compute: where the laws are compared
ND = ("params", "tokens")
SIZES = 400  # sizes among which the best one is sought
BEYOND = 64.0  # the best size is sought from the sizes fitted to this many times either way


@dataclass(frozen=True)
class HeldOutRow:
    """A row's loss, as it came and as a law says; `row` counts from 1."""

    row: int
    run_id: str | None
    observed: float
    predicted: float
    interval: list[float] | None


@dataclass(frozen=True)
class HeldOut:
    """The rows that the expression `where` held out, and the rms error of their log loss."""

    where: str
    rows: tuple[HeldOutRow, ...]
    rms_log_error: float


@dataclass(frozen=True)
class Ahead:
    """The best loss that a law says of a compute not run."""

    flops: float
    loss: float
    interval: list[float] | None


def held_out(fitted: "Fitted", rows: "Rows") -> HeldOut | None:
    """Each held-out row's loss, observed and predicted, and the rms error of its log; or None."""
    if rows.held.empty:
        return None
    observed = rows.loss(rows.held)
    predicted, between = predict(fitted, rows.inputs(fitted.fit.problem.law, rows.held))
    return table(rows, rows.held, observed, predicted, between)


def table(
    rows: "Rows",
    held: pd.DataFrame,
    observed: np.ndarray,
    predicted: np.ndarray,
    between: np.ndarray | None,
) -> HeldOut:
    """Of rows held out, arrays (M,) and intervals (2, M) or None."""
    names = held["run_id"].astype(str) if "run_id" in held.columns else [None] * len(held)
    intervals = [None] * len(held) if between is None else np.transpose(between).tolist()
    numbers = [int(at) + 1 for at in held.index]
    told = zip(numbers, names, observed.tolist(), predicted.tolist(), intervals, strict=True)
    error = np.log(predicted / observed)
    found = tuple(HeldOutRow(*row) for row in told)
    return HeldOut(rows.row_filter.hold_out, found, float(np.sqrt((error**2).mean())))


def predict(
    fitted: "Fitted", inputs: Mapping[str, np.ndarray]
) -> tuple[np.ndarray, np.ndarray | None]:
    """Losses (M,) of new runs at inputs by role, and their 95 % interval (2, M) or None."""
    predicted = fitted.fit.predict(inputs)
    if fitted.reach is None:
        return predicted, None
    return predicted, fitted.reach.losses(inputs, new=True).T


def residual(fitted: "Fitted") -> np.ndarray:
    """Log of loss over prediction of each row fitted (R,)."""
    problem = fitted.fit.problem
    log_loss = problem.law.log_loss(fitted.fit.theta[None], problem.x)[0][0]
    return problem.log_loss - log_loss


def ahead(fitted: "Fitted", rows: "Rows") -> Ahead | None:
    """The best run at `AHEAD` times the largest compute; None where the law does not say.

    A law of N and D is asked for its best size there. The interval is of the law, without the
    scatter of runs.
    """
    if "flops" not in rows.fitted.columns:
        return None
    problem = fitted.fit.problem
    flops = AHEAD * float(columns.numbers(rows.fitted, "flops").max())
    if problem.law.inputs == ("flops",):
        inputs = {"flops": np.array([flops])}
    elif problem.law.inputs == ND:
        inputs = sizes_at(rows, flops)
    else:
        return None
    losses, between = fitted.fit.predict(inputs), None
    if fitted.reach is not None:
        # At the best size the loss is level, so that the size's own error hardly counts.
        best = {role: values[[losses.argmin()]] for role, values in inputs.items()}
        between = fitted.reach.losses(best)[0].tolist()
    return Ahead(flops, float(losses.min()), between)


def sizes_at(rows: "Rows", flops: float) -> dict[str, np.ndarray]:
    """Sizes and the tokens they see at `flops`, by the FLOPs per parameter and token measured."""
    sizes, ratio = flops_per_nd(rows.fitted)
    n = np.geomspace(sizes[0] / BEYOND, sizes[-1] * BEYOND, SIZES)
    return {"params": n, "tokens": flops / (n * np.exp(np.interp(np.log(n), np.log(sizes), ratio)))}


def flops_per_nd(table: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Sizes (S,) ascending and at each the log of the median of C / (N D) (S,)."""
    n, d, c = (columns.numbers(table, role) for role in ("params", "tokens", "flops"))
    ratio = pd.Series(np.log(c / (n * d))).groupby(n).median()
    return ratio.index.to_numpy(), ratio.to_numpy()

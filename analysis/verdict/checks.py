"""What the verdict rests on beside gain and scores: the prediction, signs of over-fitting."""

import itertools
import math
from dataclasses import dataclass

import pandas as pd

from analysis.fitting.result import Fit
from analysis.frontier.drawn import LossCurve
from analysis.frontier.prediction import Prediction, same_budget
from analysis.verdict.next_step import is_telling
from analysis.verdict.thresholds import GAP, REPEATS, minimum


@dataclass(frozen=True)
class Check:
    """A prediction of the budget `flops` beside what came.

    It held if its interval holds what came, leaves out "no change" and is narrower than the step it
    predicts (a wide interval holds anything). `miss` beside `no_change_miss` rules nothing.
    """

    flops: float
    predicted: float
    interval: list[float] | None
    observed: float
    estimator: str  # parabola | best_run
    no_change: float
    before: bool | None  # older than the first run; None where the runs do not say
    curve: LossCurve | None

    @property
    def inside(self) -> bool:
        """Whether the interval holds what came."""
        return self.interval is not None and self.interval[0] <= self.observed <= self.interval[1]

    @property
    def telling(self) -> bool:
        """Whether it could have failed."""
        return is_telling(self.interval, self.predicted, self.no_change)

    @property
    def held(self) -> bool:
        """Whether it did not fail where it could have."""
        return self.inside and self.telling

    @property
    def miss(self) -> float:
        """How far off it was."""
        return abs(self.predicted - self.observed)

    @property
    def no_change_miss(self) -> float:
        """How far off "no change" was."""
        return abs(self.no_change - self.observed)


@dataclass(frozen=True)
class Overfit:
    """Runs that repeat data or over-fit, and budgets (FLOPs) whose best run does."""

    repeats: list[str]
    overfit: list[str]
    most_epochs: float
    budgets: list[float]
    rises: list[float]  # budgets whose best loss lies above that of the one before

    @property
    def flagged(self) -> bool:
        """Whether it stands in the way of a verdict."""
        return bool(self.budgets or self.rises)


def check_prediction(rows: pd.DataFrame, fit: Fit, prediction: Prediction | None) -> Check | None:
    """The largest budget that was predicted and then came, beside what came; None if none did."""
    columns = {"loss": fit.columns["loss"], "size": fit.columns["params"]}
    if prediction is None or prediction.columns != columns:
        return None
    said = {
        same_budget(one.flops, [b.flops for b in fit.budgets]): one
        for one in (*prediction.ahead, prediction)
    }
    flops = max(filter(None, said), default=None)
    if flops is None:
        return None
    budget = next(b for b in fit.budgets if b.flops == flops)
    parabola = prediction.estimator == "parabola" and budget.fitted
    return Check(
        flops=flops,
        predicted=said[flops].loss,
        interval=said[flops].interval,
        observed=budget.loss if parabola else min(budget.losses),
        estimator="parabola" if parabola else "best_run",
        no_change=prediction.no_change,
        before=_made_before(rows[rows["flops_budget"] == flops], prediction),
        curve=prediction.curve,
    )


def _made_before(rows, prediction):
    """True or False; None where the runs do not say when they started."""
    if "started" not in rows.columns or rows["started"].isna().any():
        return None
    return bool(prediction.created < rows["started"].min())


def overfit(rows: pd.DataFrame, fit: Fit) -> Overfit:
    """Marks of repeated data and over-fitting, by run, and what they say about the sweep."""
    loss = fit.columns["loss"]
    epochs = rows["epochs"] if "epochs" in rows.columns else 0 * rows[loss]
    train = rows["loss_train"] if "loss_train" in rows.columns else rows[loss]
    repeats = epochs > REPEATS
    memorised = repeats & (rows[loss] > (1 + GAP) * train)
    bests = [(b, b.best_run) for b in fit.budgets]
    ids = rows["run_id"].astype(str)
    flagged = [b.flops for b, run in bests if memorised[ids == run].any()]
    return Overfit(
        sorted(ids[repeats]), sorted(ids[memorised]), float(epochs.max()), flagged, _rises(fit)
    )


def _rises(fit):
    """Budgets whose best loss lies above the one before by noise and by what would matter."""
    sd = fit.noise.sd if fit.noise else 0.0
    found = []
    for before, now in itertools.pairwise(fit.budgets):
        matters = minimum(now.flops / before.flops)
        if math.log(now.loss / before.loss) > max(3 * sd, matters):
            found.append(now.flops)
    return found

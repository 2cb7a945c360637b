"""The loss of a larger budget, written down before it is run: prediction.json."""

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from analysis.engine.answer import Answer
from analysis.engine.student import Mixture
from analysis.frontier import best_size, forecast, minima, selection
from analysis.frontier.drawn import LossCurve
from analysis.frontier.forecast import Forecast
from analysis.frontier.rollout import Rollout
from analysis.table import serial
from vdit.errors import InputError

VERSION = 2
CURVE = 12  # points of the drawn prediction
SAME_BUDGET = 0.02  # budgets within this share of each other are one


Scores = Callable[[Forecast], dict[str, dict[str, Answer]]]  # {score: {law: answer}}


@dataclass(frozen=True, kw_only=True)
class Ahead(Forecast):
    """A budget to come, `factor` times the largest: its loss, its best size, scores of videos.

    `size` is None where no law tells it, `scores` {name: {law: answer}}.
    """

    factor: float
    size: Answer | None = None
    scores: dict[str, dict[str, Answer]] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Prediction(Forecast):
    """A forecast of the budget `factor` times the largest of `budgets`, and what it was made from.

    `created` in seconds since 1970; `no_change` is the loss of the largest budget by `estimator`;
    `columns` {loss, size} of the table; `ahead` says more of this budget and of others.
    """

    version: int = VERSION
    created: float
    factor: float
    no_change: float
    estimator: str  # parabola | best_run
    columns: dict[str, str]
    budgets: list[float]
    curve: LossCurve | None = None
    rollout: Rollout | None = None
    ahead: list[Ahead] = field(default_factory=list)
    run_ids: list[str]

    @classmethod
    def from_json(cls, told: Mapping[str, Any]) -> "Prediction":
        """What was written, of this version; of version 1, by one law, what was predicted."""
        if told["version"] < VERSION:
            old = {key: value for key, value in told.items() if key not in ("curve", "rollout")}
            told = old | {"times": told["factor"], "tested": 1.0, "laws": {}}
        return serial.from_json(cls, told)


def predict(
    table: pd.DataFrame,
    factor: float = 2.0,
    loss: str = "loss_ema",
    size: str = "params",
    further: Iterable[float] = (),
    scores: Scores = lambda said: {},
) -> Prediction:
    """Predict the frontier's loss at `factor` times the table's largest budget.

    Point and interval are of one mixture of laws, weighed by how they predicted budgets of the
    table (`frontier.forecast`), for the minimum of a budget designed like the largest. `laws` says
    what each said, `tested` how far ahead laws were tried here, in times of compute.
    `ahead` has `factor` and the `further` ones, with what `scores` says of each.
    """
    rows, _ = selection.select(table, loss, size)
    budgets, found = minima.measure(rows, loss, size)
    if len(found.loss) < 2:
        raise InputError("a prediction needs two budgets or more, the table has one")
    largest = float(rows["flops_budget"].max())
    columns = {"params": size, "tokens": "tokens", "flops": "flops", "loss": loss}
    runs = rows if set(columns.values()) <= set(rows.columns) else None
    whole = forecast.outlook(found, runs, columns)
    said = whole.at(largest * factor)
    sizes = best_size.voices(found, whole.surface)
    path = np.geomspace(budgets[0].flops, said.flops, CURVE)
    return Prediction(
        **vars(said),
        created=time.time(),
        factor=factor,
        no_change=minima.estimate(budgets[-1], found.estimator)[1],
        estimator=found.estimator,
        columns={"loss": loss, "size": size},
        budgets=[budget.flops for budget in found.budgets],
        curve=LossCurve(path.tolist(), [whole.loss(flops) for flops in path]),
        rollout=whole.trials,
        ahead=[
            _ahead(whole, sizes, times, times * largest, scores) for times in (factor, *further)
        ],
        run_ids=sorted(map(str, rows["run_id"])),
    )


def _ahead(whole, sizes, factor, flops, scores):
    said = whole.at(flops)
    size = _answer(best_size.together(sizes).at(np.log(flops))) if sizes else None
    return Ahead(**vars(said), factor=factor, size=size, scores=scores(said))


def _answer(log: Mixture) -> Answer:
    return Answer(float(np.exp(log.quantile(0.5))), np.exp(log.interval()).tolist())


def same_budget(flops: float, budgets: Iterable[float]) -> float | None:
    """The budget of `budgets` that is `flops` but for rounding, or None."""
    near = [b for b in budgets if abs(b - flops) <= SAME_BUDGET * flops]
    return min(near, key=lambda b: abs(b - flops)) if near else None

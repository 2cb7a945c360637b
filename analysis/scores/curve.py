"""How a score of the videos goes with compute, with loss and with size."""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd

from analysis.fitting.result import Fit
from analysis.laws import metric
from analysis.laws.score_forms import BENT, SIGMOID
from analysis.scores import columns, noise
from analysis.scores.best_size import SizeFactor, size_factor


@dataclass(frozen=True)
class Point:
    """The run of lowest loss at a budget: its score, and the errors of clips and of all."""

    flops: float
    run_id: str
    value: float
    clips_error: float
    error: float
    clips: float  # how many; NaN where the table does not say


@dataclass(frozen=True)
class Gain:
    """By how much a score gets better between two budgets."""

    start: float  # FLOPs
    end: float
    value: float
    interval: tuple[float, float]

    @property
    def told(self) -> bool:
        """Whether the interval leaves out no change for the better."""
        return self.interval[0] > 0


@dataclass(frozen=True)
class Curve:
    """A score over compute. Gains share the level of 95 % among all scores of the table.

    `of_compute` and `of_loss` are laws, as `laws.metric.fit` gives them: of the points, and of all
    runs. `clips_for_double`: clips of each of two runs that tell apart 2x of compute, by the mean
    step of the whole curve; None where no number does.
    """

    name: str
    lower_is_better: bool
    points: tuple[Point, ...]
    beside: dict[str, float]  # coded, real, still, linear
    seeds_error: float
    whole: Gain
    first_half: Gain | None
    second_half: Gain | None
    of_compute: dict[str, Any]
    of_loss: dict[str, Any]
    size: SizeFactor | None
    clips_for_double: float | None

    @property
    def reads(self) -> str:
        """What the curve says, in words.

        It saturates where the second half of log compute gained nothing that can be told, and less
        than the first.
        """
        if not self.whole.told:
            return "gets worse" if self.whole.interval[1] < 0 else "says nothing"
        if self.second_half is None or self.second_half.told:
            return "improves to the end"
        less = self.first_half.value - self.second_half.value
        widths = [(g.interval[1] - g.interval[0]) / 2 for g in (self.first_half, self.second_half)]
        return "saturates" if less > math.hypot(*widths) else "improves"

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {"reads": self.reads, **asdict(self)}


def curves(rows: pd.DataFrame, fit: Fit, names: Sequence[str] | None = None) -> list[Curve]:
    """Every score of the table, or of `names` those; none where one budget alone has scores."""
    known = columns.distinct(rows, columns.names(rows) if names is None else names)
    reach = noise.level(max(len(known), 1))
    found = (_curve(rows, fit, name, reach) for name in known)
    return [curve for curve in found if curve is not None]


def points(rows: pd.DataFrame, fit: Fit, name: str, seeds: float) -> tuple[Point, ...]:
    """The run of lowest loss at each budget, of those that have the score."""
    scored = rows.dropna(subset=[name, f"{name}_se"])
    scored = scored[scored["flops_budget"] > 0]
    best = scored.loc[scored.groupby("flops_budget")[fit.columns["loss"]].idxmin()]
    count = best.get(f"{name}_n", pd.Series(math.nan, best.index))
    columns = (best["flops_budget"], best["run_id"], best[name], best[f"{name}_se"], count)
    return tuple(
        Point(float(c), str(run), float(v), float(e), math.hypot(e, seeds), float(n))
        for c, run, v, e, n in zip(*columns, strict=True)
    )


def _curve(rows, fit, name, reach):
    seeds = noise.between_seeds(rows, name, fit.columns)
    found = points(rows, fit, name, seeds)
    if len(found) < 2:
        return None
    lower = columns.lower_is_better(rows, name)
    sign = -1 if lower else 1
    middle = _middle(found)
    whole = _gain(found[0], found[-1], sign, reach)
    doublings = math.log2(whole.end / whole.start)
    return Curve(
        name,
        lower,
        found,
        columns.beside(rows, name),
        seeds,
        whole,
        middle and _gain(found[0], middle, sign, reach),
        middle and _gain(middle, found[-1], sign, reach),
        _law([p.flops for p in found], [p.value for p in found], name, lower),
        _law_of_loss(rows, fit, name, lower),
        size_factor(rows, fit, name, np.hypot(rows[f"{name}_se"].to_numpy(float), seeds)),
        noise.clips_to_tell(
            whole.value / doublings, found[-1].clips_error * math.sqrt(found[-1].clips), seeds
        ),
    )


def _middle(found):
    """The point nearest to half of log compute, or None where there is none between the ends."""
    half = math.log(found[0].flops * found[-1].flops) / 2
    return min(found[1:-1], key=lambda p: abs(math.log(p.flops) - half), default=None)


def _gain(low, high, sign, reach):
    better = sign * (high.value - low.value)
    spread = reach * math.hypot(low.error, high.error)
    return Gain(low.flops, high.flops, better, (better - spread, better + spread))


def _law_of_loss(rows, fit, name, lower):
    known = rows.dropna(subset=[name])
    losses = known[fit.columns["loss"]].to_numpy(float)
    return _law(losses, known[name].to_numpy(float), name, lower)


def _law(x, values, name, lower):
    """A sigmoid for a share that is better when higher, which may start at chance; else bent."""
    share = not lower and min(values) >= 0 and max(values) <= 1
    return metric.fit(x, values, name=name, form=SIGMOID if share else BENT)

"""How a score of the videos goes with compute, with loss and with size."""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from analysis.fitting.result import Fit
from analysis.laws import metric, score_forms
from analysis.scores import columns, minima, noise
from analysis.scores.best_size import SizeFactor, size_factor


@dataclass(frozen=True)
class Point:
    """The run of lowest loss at a budget: its score, and the errors of clips and of all."""

    flops: float
    run_id: str
    loss: float
    value: float
    clips_error: float
    clips_df: float  # degrees of freedom of that
    error: float
    clips: float  # how many; NaN where the table does not say

    def times(self, factor: float) -> noise.ClipsError:
        """The error of clips of so many times the score."""
        return noise.ClipsError(factor * self.clips_error, self.clips_df)


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
    """A score over compute. The gains of all scores of the table share the level of 95 %, and so do
    those of their halves; `bend` is the interval of the first half's gain less the second's.

    `of_compute` and `of_loss` are laws, as `laws.metric.fit` gives them: of the points, and of all
    runs. `clips_for_double`: independent clips, sampled as often as here, of each of two runs that
    tell apart 2x of compute, by the mean step of the whole curve; None where no number does.
    """

    name: str
    lower_is_better: bool
    points: tuple[Point, ...]
    beside: dict[str, float]  # coded, real, still, linear
    seeds_error: float
    whole: Gain
    first_half: Gain | None
    second_half: Gain | None
    bend: tuple[float, float] | None
    of_compute: metric.Metric
    of_loss: metric.Metric
    size: SizeFactor | None
    best_sizes: tuple[minima.BestSize, ...]  # of each budget
    clips_for_double: float | None

    @property
    def reads(self) -> str:
        """What the curve says, in words.

        It saturates where the second half of log compute gained nothing that can be told, and less
        than the first; it turns where the second half lost.
        """
        if math.isnan(self.seeds_error):
            return "noise not known"
        if not self.whole.told:
            return "gets worse" if self.whole.interval[1] < 0 else "says nothing"
        if self.second_half is None:
            return "improves"
        if self.second_half.told:
            return "improves to the end"
        if self.second_half.interval[1] < 0:
            return "turns"
        return "saturates" if self.bend[0] > 0 else "improves"

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {"reads": self.reads, **asdict(self)}


def curves(rows: pd.DataFrame, fit: Fit, names: Sequence[str] | None = None) -> list[Curve]:
    """Every score of the table, or of `names` those, but for what is the same of every run; none
    where one budget alone has scores."""
    known = columns.distinct(rows, columns.names(rows) if names is None else names)
    same = columns.constant(rows, known)
    known = [n for n in known if n not in same and n != fit.columns["loss"]]
    numbers = [column for name in known for column in (name, f"{name}_se")]
    finite = rows.assign(**rows[numbers].replace([np.inf, -np.inf], np.nan))
    found = (_curve(finite, fit, name, len(known)) for name in known)
    return [curve for curve in found if curve is not None]


def points(rows: pd.DataFrame, fit: Fit, name: str, seeds: float) -> tuple[Point, ...]:
    """The run of lowest loss at each budget, of those that have the score."""
    scored = rows.dropna(subset=[name, f"{name}_se"])
    scored = scored[scored["flops_budget"] > 0]
    best = scored.loc[scored.groupby("flops_budget")[fit.columns["loss"]].idxmin()]
    return tuple(_point(row, fit, name, seeds) for _, row in best.iterrows())


def _point(row, fit, name, seeds):
    clips, count = noise.error_of_row(row, name), float(row.get(f"{name}_n", math.nan))
    error = math.hypot(clips.se, seeds)
    flops, loss = float(row["flops_budget"]), float(row[fit.columns["loss"]])
    return Point(flops, str(row["run_id"]), loss, float(row[name]), *clips, error, count)


def _curve(rows, fit, name, scores):
    seeds = noise.between_seeds(rows, name, fit.columns)
    found = points(rows, fit, name, seeds.sd)
    if len(found) < 2:
        return None
    lower = columns.lower_is_better(rows, name)
    gains = _Gains(-1 if lower else 1, seeds, scores)
    middle, whole = _middle(found), gains.between(found[0], found[-1])
    error = np.hypot(rows[f"{name}_se"].to_numpy(float), seeds.sd)
    doublings = math.log2(whole.end / whole.start)
    of_clip = found[-1].clips_error * math.sqrt(found[-1].clips)
    return Curve(
        name,
        lower,
        found,
        columns.beside(rows, name),
        seeds.sd,
        whole,
        middle and gains.between(found[0], middle),
        middle and gains.between(middle, found[-1]),
        middle and gains.bend(found[0], middle, found[-1]),
        _law([p.flops for p in found], [p.value for p in found], name, lower),
        law_of_loss(rows, fit, name, lower),
        size_factor(rows, fit, name, error, lower, scores),
        minima.best_sizes(rows, fit, name, lower),
        noise.clips_to_tell(whole.value / doublings, of_clip, seeds.sd),
    )


class _Gains(NamedTuple):
    """Differences between points, one of `scores` that share the level."""

    sign: int  # of what is better
    seeds: noise.Seeds
    scores: int

    def between(self, low, high):
        better = self.sign * (high.value - low.value)
        return Gain(low.flops, high.flops, better, self._about(better, low.times(1), high.times(1)))

    def bend(self, low, middle, high):
        """The first half's gain less the second's: the middle is in both, with twice its error."""
        bend = self.sign * (2 * middle.value - low.value - high.value)
        return self._about(bend, low.times(1), middle.times(2), high.times(1), runs=6.0)

    def _about(self, value, *clips, runs=2.0):
        error, degrees = self.seeds.with_clips(clips, runs)
        spread = error * noise.level(self.scores, degrees)
        return value - spread, value + spread


def _middle(found):
    """The point nearest to half of log compute, or None where there is none between the ends."""
    half = math.log(found[0].flops * found[-1].flops) / 2
    return min(found[1:-1], key=lambda p: abs(math.log(p.flops) - half), default=None)


def law_of_loss(rows: pd.DataFrame, fit: Fit, name: str, lower: bool) -> metric.Metric:
    """What the loss tells of a score, of all runs that have it."""
    known = rows.dropna(subset=[name])
    losses = known[fit.columns["loss"]].to_numpy(float)
    return _law(losses, known[name].to_numpy(float), name, lower)


def _law(x, values, name, lower):
    return metric.fit(x, values, name=name, form=score_forms.of(values, lower))

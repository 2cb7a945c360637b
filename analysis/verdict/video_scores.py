"""Do the videos themselves get better? Their scores, over the same compute as the loss's gain."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from analysis.fitting.result import Fit
from analysis.scores.columns import distinct, judged, lower_is_better
from analysis.scores.noise import between_seeds, error_of_row, level


@dataclass(frozen=True)
class ScoreGain:
    """How much better a score got; its error is of clips and of seeds, `reach` of them wide."""

    name: str
    from_: float
    to: float
    better_by: float
    clips_error: float
    seeds_error: float
    reach: float

    @property
    def error(self) -> float:
        """Of `better_by`."""
        return math.hypot(self.clips_error, self.seeds_error)

    @property
    def interval(self) -> list[float]:
        """Of `better_by`, at the level that scores share."""
        return [self.better_by + sign * self.reach * self.error for sign in (-1, 1)]

    @property
    def improves(self) -> bool:
        """Whether it is better by more than its interval."""
        return self.interval[0] > 0


def of_budget(
    rows: pd.DataFrame, flops: float, loss: str, names: Sequence[str]
) -> pd.Series | None:
    """The run of lowest loss at a budget that has scores, or None."""
    at = rows[(rows["flops_budget"] == flops)].dropna(subset=names, how="all")
    return None if at.empty else at.loc[at[loss].idxmin()]


def compare(rows: pd.DataFrame, fit: Fit) -> list[ScoreGain]:
    """Each score over the span of the loss's gain; the level is shared among the scores.

    Errors hold what clips and what seeds change. Scores that say the same of every run count once.
    """
    known, flops = distinct(rows, judged(rows)), sorted(rows["flops_budget"].unique())
    if not known or len(flops) < 2:
        return []
    start = fit.gain.from_ if fit.gain else flops[0]
    first = min(flops[:-1], key=lambda f: abs(math.log(f / start)))
    ends = [of_budget(rows, f, fit.columns["loss"], known) for f in (first, flops[-1])]
    if any(end is None for end in ends):
        return []
    found = [_compare(rows, name, *ends, fit.columns, len(known)) for name in known]
    return [score for score in found if score]


def _compare(rows, name, low, high, columns, scores):
    values = [float(row[key]) for row in (low, high) for key in (name, f"{name}_se")]
    if any(math.isnan(value) for value in values):
        return None
    better = (-1 if lower_is_better(rows, name) else 1) * (values[2] - values[0])
    between = between_seeds(rows, name, columns)
    _, degrees = between.with_clips([error_of_row(row, name) for row in (low, high)])
    clips, seeds = math.hypot(values[1], values[3]), math.sqrt(2) * between.sd
    return ScoreGain(name, values[0], values[2], better, clips, seeds, level(scores, degrees))

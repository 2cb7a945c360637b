"""Do the videos themselves get better? Their scores, from the smallest to the largest budget."""

import math
import statistics
from collections.abc import Sequence
from typing import Any

import pandas as pd

from analysis.verdict.thresholds import CONFIDENCE, LOWER_IS_BETTER


def names(rows: pd.DataFrame) -> list[str]:
    """Scores of the videos: what has an error and stands beside the same of real clips.

    NAME_real is what records of evaluators are compared with; a measure that is compared with
    something else, such as a position with a still clip's, is none: each score takes its share of
    the level.
    """
    return [n for n in rows.columns if f"{n}_se" in rows.columns and f"{n}_real" in rows.columns]


def lower_is_better(rows: pd.DataFrame, name: str) -> bool:
    """The direction of a score: as its records say, else (an older table) by its name."""
    flag = rows.get(f"{name}_lower_is_better", pd.Series(dtype=object)).dropna()
    return name in LOWER_IS_BETTER if flag.empty else str(flag.iloc[0]) in ("True", "1.0")


def of_budget(
    rows: pd.DataFrame, flops: float, loss: str, names: Sequence[str]
) -> pd.Series | None:
    """The run of lowest loss at a budget that has scores, or None."""
    at = rows[(rows["flops_budget"] == flops)].dropna(subset=names, how="all")
    return None if at.empty else at.loc[at[loss].idxmin()]


def compare(rows: pd.DataFrame, fit: dict[str, Any]) -> list[dict[str, Any]]:
    """Each score from the smallest to the largest budget; the level is shared among the scores."""
    known, flops = names(rows), sorted(rows["flops_budget"].unique())
    if not known or len(flops) < 2:
        return []
    ends = [of_budget(rows, f, fit["columns"]["loss"], known) for f in (flops[0], flops[-1])]
    if any(end is None for end in ends):
        return []
    reach = level(len(known))
    found = [_compare(name, *ends, lower_is_better(rows, name), reach) for name in known]
    return [score for score in found if score]


def level(count: int) -> float:
    """Normal quantile of one interval where `count` scores share the level (Bonferroni)."""
    return statistics.NormalDist().inv_cdf(1 - (1 - CONFIDENCE) / 2 / count)


def _compare(name, low, high, lower, reach):
    values = [float(row[key]) for row in (low, high) for key in (name, f"{name}_se")]
    if any(math.isnan(value) for value in values):
        return None
    better = (-1 if lower else 1) * (values[2] - values[0])
    error = math.hypot(values[1], values[3])
    interval = [better - reach * error, better + reach * error]
    return {
        "name": name,
        "from": values[0],
        "to": values[2],
        "better_by": better,
        "error": error,
        "interval": interval,
        "improves": interval[0] > 0,
    }

"""Do the videos themselves get better? Their scores, over the same compute as the loss's gain."""

import math
import statistics
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from analysis.fitting.result import Fit
from analysis.verdict.thresholds import CONFIDENCE, LOWER_IS_BETTER

SEEDS = 4  # runs to spare in cells of several seeds from which these tell their noise
DEGREE = 2  # of the score in log loss, else


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


def compare(rows: pd.DataFrame, fit: Fit) -> list[dict[str, Any]]:
    """Each score over the span of the loss's gain; the level is shared among the scores.

    Errors hold what clips and what seeds change. Scores that say the same of every run count once.
    """
    known, flops = distinct(rows, names(rows)), sorted(rows["flops_budget"].unique())
    if not known or len(flops) < 2:
        return []
    start = fit.gain["from"] if fit.gain else flops[0]
    first = min(flops[:-1], key=lambda f: abs(math.log(f / start)))
    ends = [of_budget(rows, f, fit.columns["loss"], known) for f in (first, flops[-1])]
    if any(end is None for end in ends):
        return []
    reach = level(len(known))
    found = [_compare(rows, name, *ends, fit.columns, reach) for name in known]
    return [score for score in found if score]


def distinct(rows: pd.DataFrame, names: Sequence[str]) -> list[str]:
    """The scores without those that repeat an earlier one in every row."""
    kept = []
    for name in names:
        if not any(rows[name].equals(rows[other]) for other in kept):
            kept.append(name)
    return kept


def level(count: int) -> float:
    """Normal quantile of one interval where `count` scores share the level (Bonferroni)."""
    return statistics.NormalDist().inv_cdf(1 - (1 - CONFIDENCE) / 2 / count)


def between_seeds(rows: pd.DataFrame, name: str, columns: dict[str, str]) -> float:
    """Standard deviation of a score between runs beyond what its clips explain.

    From runs of one budget and size that differ by the seed, where SEEDS or more are to spare; else
    from the scatter of all runs about a parabola in log loss, which holds what a parabola misses.
    """
    scored = rows.dropna(subset=[name, f"{name}_se"])
    values, clips = scored[name].to_numpy(float), scored[f"{name}_se"].to_numpy(float)
    cells = scored.groupby(["flops_budget", columns["params"]])[name]
    spare = len(scored) - cells.ngroups
    if spare >= SEEDS:
        square = float(((values - cells.transform("mean").to_numpy()) ** 2).sum() / spare)
    elif len(scored) > DEGREE + 2:
        x = np.log(scored[columns["loss"]].to_numpy(float))
        rest = values - np.polyval(np.polyfit(x, values, DEGREE), x)
        square = float((rest**2).sum() / (len(x) - DEGREE - 1))
    else:
        return 0.0
    return math.sqrt(max(square - float((clips**2).mean()), 0.0))


def _compare(rows, name, low, high, columns, reach):
    values = [float(row[key]) for row in (low, high) for key in (name, f"{name}_se")]
    if any(math.isnan(value) for value in values):
        return None
    better = (-1 if lower_is_better(rows, name) else 1) * (values[2] - values[0])
    clips = math.hypot(values[1], values[3])
    seeds = math.sqrt(2) * between_seeds(rows, name, columns)
    error = math.hypot(clips, seeds)
    interval = [better - reach * error, better + reach * error]
    return {
        "name": name,
        "from": values[0],
        "to": values[2],
        "better_by": better,
        "error": error,
        "clips_error": clips,
        "seeds_error": seeds,
        "interval": interval,
        "improves": interval[0] > 0,
    }

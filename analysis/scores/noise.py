"""What clips and what seeds change in a score."""

import math
import statistics

import numpy as np
import pandas as pd

from analysis.verdict.thresholds import CHANCE, CONFIDENCE

SEEDS = 4  # runs to spare in cells of several seeds from which these tell their noise
DEGREE = 2  # of the score in log loss, else


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


def clips_to_tell(step: float, of_clip: float, seeds: float) -> float | None:
    """Clips of each of two runs, one seed each, that tell a `step` between their scores.

    At 95 %, with a power of 80 %. `of_clip`: standard deviation of one clip; `seeds`: between runs.
    None where no number of clips does, for runs alone differ by as much.
    """
    normal = statistics.NormalDist()
    z = normal.inv_cdf(1 - (1 - CONFIDENCE) / 2) + normal.inv_cdf(CHANCE)
    spare = (step / z) ** 2 - 2 * seeds**2
    return 2 * of_clip**2 / spare if spare > 0 else None

"""What clips and what seeds change in a score."""

import math
import statistics
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from analysis.engine import student
from analysis.verdict.thresholds import CHANCE, CONFIDENCE

SEEDS = 4  # runs to spare in cells of several seeds from which these tell their noise
DEGREE = 2  # of the score in log loss, else
KNOWN = 1e9  # degrees of freedom of an error that is known


class ClipsError(NamedTuple):
    """A standard error over clips, and the degrees of freedom that it is known by."""

    se: float
    df: float = KNOWN


def clips_error(se: float, df: float | None, n: float | None) -> ClipsError:
    """Of a record or a row: where it does not say `df`, those of a mean of `n`."""
    for known in (df, None if n is None else n - 1):
        if known is not None and known > 0:  # nan is not
            return ClipsError(se, known)
    return ClipsError(se)


def error_of_row(row: pd.Series, name: str) -> ClipsError:
    """Of a score in a row of the results table."""
    return clips_error(float(row[f"{name}_se"]), row.get(f"{name}_df"), row.get(f"{name}_n"))


def satterthwaite(error: float, parts: Sequence[ClipsError]) -> float:
    """Degrees of freedom of an error whose square is the sum of estimated ones (1946)."""
    square = sum(part.se**4 / part.df for part in parts)
    return min(error**4 / square, KNOWN) if square else KNOWN


class Seeds(NamedTuple):
    """What differs between runs: `sd` beyond what clips explain, the `square` of all of it, and the
    degrees of freedom that it is known by."""

    sd: float = 0.0
    square: float = 0.0
    df: float = KNOWN

    def with_clips(self, clips: Sequence[ClipsError], runs: float = 2.0) -> tuple[float, float]:
        """The error that holds those of `clips` and the variance of so many runs, and its degrees
        of freedom."""
        error = math.hypot(*(c.se for c in clips), math.sqrt(runs) * self.sd)
        own = [ClipsError(math.sqrt(runs * self.square), self.df)] if self.sd else []
        return error, satterthwaite(error, [*clips, *own])


def level(count: int, degrees: float = KNOWN) -> float:
    """Student's quantile of one interval where `count` scores share the level (Bonferroni)."""
    return float(student.quantile(degrees, 1 - (1 - CONFIDENCE) / count))


UNKNOWN = Seeds(math.nan, math.nan)


def between_seeds(rows: pd.DataFrame, name: str, columns: dict[str, str]) -> Seeds:
    """How a score differs between runs.

    From runs of one budget and size that differ by the seed, where SEEDS or more are to spare; else
    from the scatter of all runs about a parabola in log loss, which holds what a parabola misses;
    where they are too few for one, from what seeds there are. UNKNOWN without any: no interval.
    Runs share captions and real clips, so that clips explain a little less than is taken off here.
    """
    scored = rows.dropna(subset=[name, f"{name}_se"])
    values, clips = scored[name].to_numpy(float), scored[f"{name}_se"].to_numpy(float)
    cells = scored.groupby(["flops_budget", columns["params"]])[name]
    spare = len(scored) - cells.ngroups
    bends = len(scored) > DEGREE + 2
    if spare >= (SEEDS if bends else 1):
        square = float(((values - cells.transform("mean").to_numpy()) ** 2).sum() / spare)
        alone = 1 / cells.transform("size").to_numpy()
        explained = float((clips**2 * (1 - alone)).sum() / spare)
    elif bends:
        x = np.log(scored[columns["loss"]].to_numpy(float))
        rest = values - np.polyval(np.polyfit(x, values, DEGREE), x)
        spare = len(x) - DEGREE - 1
        square, explained = float((rest**2).sum() / spare), float((clips**2).mean())
    else:
        return UNKNOWN
    return Seeds(math.sqrt(max(square - explained, 0.0)), square, spare)


def clips_to_tell(step: float, of_clip: float, seeds: float) -> float | None:
    """Independent clips (captions, or videos that clips are cut from), sampled as often as here, of
    each of two runs, one seed each, that tell a `step` between their scores.

    At 95 %, with a power of 80 %. `of_clip`: standard deviation of one clip; `seeds`: between runs.
    None where no number of clips does, for runs alone differ by as much; nan where clips are not
    known to differ, or runs by how much.
    """
    if not of_clip > 0 or math.isnan(seeds):
        return math.nan
    normal = statistics.NormalDist()
    z = normal.inv_cdf(1 - (1 - CONFIDENCE) / 2) + normal.inv_cdf(CHANCE)
    spare = (step / z) ** 2 - 2 * seeds**2
    return 2 * of_clip**2 / spare if spare > 0 else None

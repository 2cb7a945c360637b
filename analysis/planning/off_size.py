"""What it costs to train a size k times off the best one, at the same compute.

From Chinchilla's law where it is identified, else from the mean curvature of the parabolas through
the runs of each budget, log L = log L* + c (log k)^2.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from analysis.engine.answer import Answer
from analysis.fitting.result import Fit
from analysis.planning import optimum

TIMES = (0.25, 0.5, 1.0, 2.0, 4.0)


@dataclass(frozen=True)
class Off:
    """A size `times` the best one: the share by which its loss is higher, and of compute lost.

    Lost is the compute without which the best size would do as well.
    """

    times: float
    penalty: Answer
    wasted: Answer


@dataclass(frozen=True)
class OffSize:
    """What sizes off the best one cost, and by what that is known."""

    by: str
    rows: tuple[Off, ...]


def cost(
    fit: Fit,
    source: optimum.Minima | optimum.Surface | None,
    flops: float,
    times: Sequence[float] = TIMES,
) -> OffSize | None:
    """Of sizes at `flops`; None where nothing says."""
    by, ratios = penalties(fit, flops, times)
    if ratios is None:
        return None
    wasted = [_wasted(_surface(fit) or source, flops, ratio) for ratio in ratios]
    rows = (
        Off(k, optimum.answer(ratio - 1), optimum.answer(np.maximum(lost, 0.0)))
        for k, ratio, lost in zip(times, ratios, wasted, strict=True)
    )
    return OffSize(by, tuple(rows))


def penalties(
    fit: Fit, flops: float, times: Sequence[float]
) -> tuple[str, list[np.ndarray]] | tuple[None, None]:
    """(by, loss over the best size's loss at each of `times`, arrays (1 + P,)); (None, None)."""
    found = _surface(fit)
    if found:
        best = found.size(flops)
        return "Chinchilla's law", [
            found.at(k * best, flops) / found.at(best, flops) for k in times
        ]
    curvature = bend(fit)
    if curvature is None:
        return None, None
    by = f"the parabolas of {len(curvature) - 1} budgets"
    return by, [np.exp(curvature * np.log(k) ** 2) for k in times]


def _surface(fit):
    """Chinchilla's law of the fit where it is identified, else None."""
    found = optimum.sources(fit).get("chinchilla")
    converged = found and fit.laws["chinchilla"].status.word == "converged"
    return found if converged else None


def _wasted(source, flops, ratios):
    """Share of compute wasted by loss ratios (1 + P,), along the source's own law."""
    lowest = source.loss(flops)
    if lowest.shape == ratios.shape:
        return 1 - optimum.compute_for(source, ratios * lowest) / flops
    # Ratios of budgets' parabolas go with no resample of the law: with the law as fitted.
    fitted = [optimum.compute_for(source, lowest[0] * ratio)[0] for ratio in ratios]
    return 1 - np.array(fitted) / flops


def bend(fit: Fit) -> np.ndarray | None:
    """Mean curvature of log loss in log size, then that of each budget; None without parabolas."""
    found = []
    for budget in fit.budgets:
        if budget.estimator == "parabola":
            x = np.log(np.array(budget.sizes) / budget.size)
            y, seeds = np.log(budget.losses), np.sqrt(budget.seeds)
            found.append(np.polyfit(x, y, 2, w=seeds)[0])
    return np.array([np.mean(found), *found]) if found else None

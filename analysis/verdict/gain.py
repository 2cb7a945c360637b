"""The gain of compute: by what share the frontier's loss falls over about 8x, and its error."""

import math

from analysis.engine import student
from analysis.verdict.thresholds import CONFIDENCE, MIN_EFFECT, SPAN, SPAN_WITHIN


def gain(rows, fit):
    """Share by which the frontier's loss falls over about 8x of compute, with its interval.

    A t interval about the fall f of log loss between two budgets, error^2 = s^2 (v_low + v_high)
    + pair^2: s the noise between runs (and its degrees of freedom), v the `leverage` of each
    minimum, pair the paired error of the two best runs' difference on the validation triples.
    `interval` and `minimum` are shares; `fall`, `error` are in log loss. None if no two budgets
    are so far apart or no noise was measured.
    """
    pair = budget_pair(fit)
    if pair is None:
        return None
    low, high = pair
    ratio = high["flops"] / low["flops"]
    fall = math.log(low["loss"] / high["loss"])
    pair_se = _pair_error(rows, low, fit["columns"]["loss"])
    variance = fit["noise"]["sd"] ** 2 * (leverage(low) + leverage(high))
    error = math.sqrt(variance + pair_se**2)
    reach = student.quantile(fit["noise"]["df"], CONFIDENCE) * error
    return {
        "ratio": ratio,
        "from": low["flops"],
        "to": high["flops"],
        "gain": -math.expm1(-fall),
        "interval": [-math.expm1(-(fall - reach)), -math.expm1(-(fall + reach))],
        "minimum": minimum(ratio),
        "fall": fall,
        "error": error,
        "pair_se": pair_se,
    }


def minimum(ratio):
    """The least gain that matters over `ratio` of compute: MIN_EFFECT for SPAN, in proportion."""
    return MIN_EFFECT * math.log(ratio) / math.log(SPAN)


def budget_pair(fit):
    """The largest budget whose error is known, and the one nearest to 8x below it; or None.

    A minimum near an end of its sizes is biased, so such budgets are passed over.
    """
    same = [b for b in fit["budgets"] if b["estimator"] == fit["estimator"]]
    budgets = [b for b in same if not b.get("off_centre")]
    if len(budgets) < 2 or fit["noise"] is None:
        return None
    low = nearest_span(budgets[:-1], budgets[-1]["flops"])
    return low and (low, budgets[-1])


def nearest_span(budgets, flops):
    """Of `budgets` the one nearest to 8x below `flops`, within a factor SPAN_WITHIN; or None."""

    def off(budget):
        return abs(math.log(flops / budget["flops"] / SPAN))

    low = min(budgets, key=off, default=None)
    return low if low and off(low) <= math.log(SPAN_WITHIN) + 1e-6 else None


def leverage(budget, extra=None):
    """Variance of the log loss of a budget's minimum, in units of one run's.

    u' (X' W X)^-1 u at the parabola's vertex u (where the slope is zero, so the vertex's own error
    does not count to first order), W the seeds of each size plus `extra`; one over the seeds of
    the best size where the best run is taken.
    """
    import numpy as np

    seeds = np.array(budget["seeds"], float) + (0 if extra is None else extra)
    if budget["estimator"] != "parabola":
        return float(1 / seeds[np.argmin(budget["losses"])])
    x = np.log(np.array(budget["sizes"]) / budget["size"])
    design = np.vander(x, 3)
    return float(np.linalg.pinv(design.T * seeds @ design)[2, 2])


def _pair_error(rows, budget, loss):
    """Relative paired error of a budget's best run; 0 where it was not measured."""
    if loss != "loss_ema" or "loss_pair_se" not in rows.columns:
        return 0.0
    value = rows.loc[rows["run_id"].astype(str) == budget["best_run"], "loss_pair_se"]
    return 0.0 if value.isna().all() else float(value.iloc[0]) / budget["loss"]

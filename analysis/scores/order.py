"""In which order abilities come with compute: where each score passes half of its upper bound.

The bound of a share of clips that agree is what real clips score that went through the autoencoder;
of what stands beside holding the last frame, half is half way from there to the coded clips.
Nothing else has a half: of a PSNR, or of a precision, which chance gives, it would say nothing. A
score is taken to get better with compute (isotonic least squares, Barlow et al., 1972), a straight
line in log compute between budgets.

Could the loss have told? The law of the score in the loss (`laws.metric`), of the runs up to a
quarter of that compute, says what a run of the loss at the crossing would score.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from analysis.engine.answer import Answer
from analysis.fitting.result import Fit
from analysis.laws import metric
from analysis.scores.curve import Curve, law_of_loss

EARLIER = 4.0  # times less compute, of which the runs are that foretell
DRAWS, SEED = 400, 0


@dataclass(frozen=True)
class Crossing:
    """Where a score passes `half`: infinite FLOPs where it does not up to the last budget, none
    where it has at the first.

    `interval`: of 95 % of `flops`, by the errors of clips and seeds. `loss`: of the best run there.
    `foretold`: the score by that loss; None where earlier runs tell no law.
    """

    name: str
    half: float
    flops: float
    interval: tuple[float, float]
    loss: float
    foretold: Answer | None


def order(found: Sequence[Curve], rows: pd.DataFrame, fit: Fit) -> list[Crossing]:
    """The scores that have a half, in the order of compute; what has not passed comes last."""
    known = [c for c in found if _half(c) is not None and not math.isnan(c.seeds_error)]
    crossings = [_crossing(c, rows, fit) for c in known]
    return sorted(crossings, key=lambda c: c.flops)


def _half(curve):
    """Half of the upper bound, or None where nothing bounds the score."""
    coded, still, real = (curve.beside.get(of) for of in ("coded", "still", "real"))
    if coded is None:
        return None
    if still is not None:
        better = still > coded if curve.lower_is_better else still < coded
        return (still + coded) / 2 if better else None
    return coded / 2 if real == 1 and not curve.lower_is_better else None


def _crossing(curve, rows, fit):
    half, sign = _half(curve), -1 if curve.lower_is_better else 1
    flops, losses, values, errors = (
        np.array([getattr(p, of) for p in curve.points])
        for of in ("flops", "loss", "value", "error")
    )
    noise = errors * np.random.default_rng(SEED).standard_normal((DRAWS, len(values)))
    at, *drawn = (
        _passes(np.log(flops), sign * scores, errors, sign * half)
        for scores in (values, *(values + noise))
    )
    interval = tuple(np.exp(np.quantile(drawn, (0.025, 0.975), method="nearest")).tolist())
    if not math.isfinite(at):
        return Crossing(curve.name, half, float(np.exp(at)), interval, math.nan, None)
    loss = float(np.exp(np.interp(at, np.log(flops), np.log(losses))))
    earlier = rows["flops_budget"].between(0, math.exp(at) / EARLIER, inclusive="right")
    told = _foretold(curve, rows[earlier], fit, loss)
    return Crossing(curve.name, half, math.exp(at), interval, loss, told)


def _passes(log_c, values, errors, half):
    """log C at which rising values pass half; infinite before the first and beyond the last."""
    from scipy.optimize import isotonic_regression

    # A share that no clip has, or every clip, comes with an error of 0.
    least = errors[errors > 0].min(initial=1.0)
    rising = isotonic_regression(values, weights=np.maximum(errors, least) ** -2).x
    after = int(np.argmax(rising >= half))
    if rising[after] < half:
        return math.inf
    if not after:
        return -math.inf
    low, high = rising[after - 1], rising[after]
    share = (half - low) / (high - low)
    return float(log_c[after - 1] + share * (log_c[after] - log_c[after - 1]))


def _foretold(curve, early, fit, loss):
    """The score of a run of this loss as `early` runs say; None where they tell no law."""
    if early[curve.name].count() < 2:
        return None
    law = law_of_loss(early, fit, curve.name, curve.lower_is_better)
    return metric.predict(law, loss) if law.parameters else None

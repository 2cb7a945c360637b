"""What the verdict rests on beside gain and scores: the prediction, signs of over-fitting."""

import itertools
import math
from typing import Any

import pandas as pd

from analysis.fitting.result import Fit
from analysis.verdict.gain import minimum
from analysis.verdict.next_step import is_telling
from analysis.verdict.thresholds import GAP, REPEATS


def check_prediction(
    rows: pd.DataFrame, fit: Fit, prediction: dict[str, Any] | None
) -> dict[str, Any] | None:
    """The prediction beside what came: a dict, or None if there is none or nothing came yet.

    It held if its interval holds what came, leaves out "no change" and is narrower than the step it
    predicts (a wide interval holds anything). `miss` beside `no_change_miss` rules nothing.
    """
    from analysis import predict

    columns = {"loss": fit.columns["loss"], "size": fit.columns["params"]}
    if prediction is None or prediction["columns"] != columns:
        return None
    flops = predict.same_budget(prediction["flops"], [b.flops for b in fit.budgets])
    if flops is None:
        return None
    budget = next(b for b in fit.budgets if b.flops == flops)
    parabola = prediction["estimator"] == "parabola" and budget.fitted
    observed = budget.loss if parabola else min(budget.losses)
    interval, loss, idle = (prediction[key] for key in ("interval", "loss", "no_change"))
    inside = interval is not None and interval[0] <= observed <= interval[1]
    telling = is_telling(interval, loss, idle)
    return {
        "flops": flops,
        "predicted": loss,
        "interval": interval,
        "observed": observed,
        "estimator": "parabola" if parabola else "best_run",
        "no_change": idle,
        "miss": abs(loss - observed),
        "no_change_miss": abs(idle - observed),
        "inside": inside,
        "before": _made_before(rows[rows["flops_budget"] == flops], prediction),
        "curve": prediction.get("curve"),
        "tested": prediction.get("tested"),
        "telling": telling,
        "held": inside and telling,
    }


def _made_before(rows, prediction):
    """True or False; None where the runs do not say when they started."""
    if "started" not in rows.columns or rows["started"].isna().any():
        return None
    return bool(prediction["created"] < rows["started"].min())


def overfit(rows: pd.DataFrame, fit: Fit) -> dict[str, Any]:
    """Marks of repeated data and over-fitting, by run, and what they say about the sweep."""
    loss = fit.columns["loss"]
    epochs = rows["epochs"] if "epochs" in rows.columns else 0 * rows[loss]
    train = rows["loss_train"] if "loss_train" in rows.columns else rows[loss]
    repeats = epochs > REPEATS
    memorised = repeats & (rows[loss] > (1 + GAP) * train)
    bests = [(b, b.best_run) for b in fit.budgets]
    ids = rows["run_id"].astype(str)
    flagged = [b.flops for b, run in bests if memorised[ids == run].any()]
    return {
        "repeats": sorted(ids[repeats]),
        "overfit": sorted(ids[memorised]),
        "most_epochs": float(epochs.max()),
        "budgets": flagged,
        "rises": (rises := _rises(fit)),
        "flagged": bool(flagged or rises),
    }


def _rises(fit):
    """Budgets whose best loss lies above the one before by noise and by what would matter."""
    sd = fit.noise.sd if fit.noise else 0.0
    found = []
    for before, now in itertools.pairwise(fit.budgets):
        matters = minimum(now.flops / before.flops)
        if math.log(now.loss / before.loss) > max(3 * sd, matters):
            found.append(now.flops)
    return found

"""What the verdict rests on beside gain and scores: the prediction, signs of over-fitting."""

import itertools
import math
from collections.abc import Sequence
from typing import Any

import pandas as pd

from analysis.verdict.gain import minimum
from analysis.verdict.thresholds import GAP, REPEATS


def check_prediction(
    rows: pd.DataFrame,
    fit: dict[str, Any],
    prediction: dict[str, Any] | None,
    gain: dict[str, Any] | None,
) -> dict[str, Any] | None:
    """The prediction beside what came: a dict, or None if there is none or nothing came yet.

    It held if its interval holds what came and is narrower than the gain over 8x of compute (a
    wide interval holds anything). `miss` beside `no_change_miss` is shown, and rules nothing.
    """
    from analysis import predict

    columns = {"loss": fit["columns"]["loss"], "size": fit["columns"]["params"]}
    if prediction is None or prediction["columns"] != columns:
        return None
    flops = predict.same_budget(prediction["flops"], [b["flops"] for b in fit["budgets"]])
    if flops is None:
        return None
    budget = next(b for b in fit["budgets"] if b["flops"] == flops)
    parabola = prediction["estimator"] == "parabola" and budget["status"]["word"] == "fitted"
    observed = budget["loss"] if parabola else min(budget["losses"])
    miss, idle = abs(prediction["loss"] - observed), abs(prediction["no_change"] - observed)
    interval = prediction["interval"]
    inside = interval is not None and interval[0] <= observed <= interval[1]
    narrow = interval is not None and is_narrow(interval, gain)
    return {
        "flops": flops,
        "predicted": prediction["loss"],
        "interval": interval,
        "observed": observed,
        "estimator": "parabola" if parabola else "best_run",
        "no_change": prediction["no_change"],
        "miss": miss,
        "no_change_miss": idle,
        "inside": inside,
        "before": _made_before(rows[rows["flops_budget"] == flops], prediction),
        "law": {key: prediction[key] for key in ("parameters", "reference", "budgets")},
        "narrow": narrow,
        "held": inside and narrow,
    }


def is_narrow(interval: Sequence[float], gain: dict[str, Any] | None) -> bool:
    """True if a prediction's interval of losses is narrower, as a share, than the gain."""
    return gain is not None and (interval[1] / interval[0] - 1) < gain["gain"]


def _made_before(rows, prediction):
    """True or False; None where the runs do not say when they started."""
    if "started" not in rows.columns or rows["started"].isna().any():
        return None
    return bool(prediction["created"] < rows["started"].min())


def overfit(rows: pd.DataFrame, fit: dict[str, Any]) -> dict[str, Any]:
    """Marks of repeated data and over-fitting, by run, and what they say about the sweep."""
    loss = fit["columns"]["loss"]
    epochs = rows["epochs"] if "epochs" in rows.columns else 0 * rows[loss]
    train = rows["loss_train"] if "loss_train" in rows.columns else rows[loss]
    repeats = epochs > REPEATS
    memorised = repeats & (rows[loss] > (1 + GAP) * train)
    bests = [(b, b["best_run"]) for b in fit["budgets"]]
    ids = rows["run_id"].astype(str)
    flagged = [b["flops"] for b, run in bests if memorised[ids == run].any()]
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
    sd = fit["noise"]["sd"] if fit["noise"] else 0.0
    found = []
    for before, now in itertools.pairwise(fit["budgets"]):
        matters = minimum(now["flops"] / before["flops"])
        if math.log(now["loss"] / before["loss"]) > max(3 * sd, matters):
            found.append(now["flops"])
    return found

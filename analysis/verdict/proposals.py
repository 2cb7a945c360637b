"""What could be done next about each thing that stands against a verdict, and what it costs."""

import math
from typing import Any

import numpy as np
import pandas as pd

from analysis.verdict.gain import nearest_span
from analysis.verdict.proposal import count, propose
from analysis.verdict.thresholds import CHANCE, CONFIDENCE, REPEATS, SPAN

TIMES = (2, 4, 8, 16, 32, 64)  # as many videos that are tried for scores
NOISE_RUNS = 4  # repeats that measure the noise between runs where nothing has


def measure_noise(rows: pd.DataFrame, fit: dict[str, Any]) -> dict[str, Any]:
    """Repeat the best run of the smallest budget: nothing can be decided without a noise."""
    budget = fit["budgets"][0]
    run = {"flops": budget["flops"], "size": budget["size"], "seeds": NOISE_RUNS}
    return propose(
        rows,
        f"repeat size {count(budget['size'])} at {budget['flops']:.3g} FLOPs with {NOISE_RUNS} "
        "other seeds",
        ["span"],
        [run],
        "the noise between runs becomes known, and with it every interval",
    )


def next_budget(
    rows: pd.DataFrame, fit: dict[str, Any], factor: float, chance: float = CONFIDENCE
) -> dict[str, Any]:
    """Predict the budget `factor` above the largest, then run it with as many sizes."""
    ahead = budget_ahead(fit, factor)
    flops = ahead["flops"]
    runs = [{"flops": flops, "size": size, "seeds": 1} for size in ahead["sizes"]]
    words = ", ".join(count(run["size"]) for run in runs)
    return propose(
        rows,
        f"write down a prediction of {flops:.3g} FLOPs (analysis.predict --factor {factor:.4g}), "
        f"then run sizes {words} there",
        ["unpredicted", "late", "wide", "missed", "span"],
        runs,
        f"if the law holds, its interval holds what comes with a chance of {CONFIDENCE:.0%}",
        chance,
        predict=factor,
    )


def second_budget(rows: pd.DataFrame, fit: dict[str, Any], factor: float) -> dict[str, Any]:
    """Run a budget `factor` above the only one: before that nothing can be predicted."""
    ahead = budget_ahead(fit, factor)
    runs = [{"flops": ahead["flops"], "size": size, "seeds": 1} for size in ahead["sizes"]]
    words = ", ".join(count(size) for size in ahead["sizes"])
    return propose(
        rows,
        f"run sizes {words} with {ahead['flops']:.3g} FLOPs",
        ["span"],
        runs,
        "a gain over two budgets, and a law to predict the next one by",
    )


def more_clips(
    rows: pd.DataFrame, scores: list[dict[str, Any]], level: float
) -> dict[str, Any] | None:
    """Sample and score more videos of the two runs compared: no training."""
    best = None
    for score in scores:
        for times in TIMES:
            after = score["error"] / math.sqrt(times)
            spread = math.sqrt(score["error"] ** 2 - after**2)
            z = (score["better_by"] - level * after) / max(spread, 1e-12)
            chance = 0.5 * math.erfc(-z / math.sqrt(2))
            if chance >= CHANCE and (best is None or times < best[0]):
                best = times, chance, score["name"]
    if best is None:
        return None
    times, chance, name = best
    return propose(
        rows,
        f"sample and score {times}x as many videos of the best runs of the smallest and the "
        "largest budget (python -m vdit.evaluate --root DIR; no training)",
        ["scores"],
        expected=f"{name.replace('_', ' ')} then improves beyond its interval",
        chance=chance,
    )


def first_scores(rows: pd.DataFrame) -> dict[str, Any]:
    """Score the videos of the two runs compared, where nothing did."""
    return propose(
        rows,
        "score videos of the best runs of the smallest and the largest budget (python -m "
        "vdit.evaluate --root DIR; no training)",
        ["unscored"],
        expected="a score that improves with compute, if the loss means what it should",
    )


def more_videos(rows: pd.DataFrame, overfit: dict[str, Any]) -> dict[str, Any]:
    """Train the runs that repeat their videos too often again, on more videos."""
    again = rows[rows["run_id"].astype(str).isin(overfit["repeats"])]
    times = overfit["most_epochs"] / REPEATS
    runs = [
        {"flops": float(row["flops"]), "size": float(row["params"]), "seeds": 1}
        for _, row in again.iterrows()
    ]
    return propose(
        rows,
        f"collect {times:.3g}x as many videos and train the {len(runs)} runs again that pass over "
        f"theirs more than {REPEATS:g} times",
        ["overfit"],
        runs,
        f"no run repeats its videos more than {REPEATS:g} times, so compute is what limits it",
    )


def steadier_runs(
    rows: pd.DataFrame, fit: dict[str, Any], overfit: dict[str, Any]
) -> dict[str, Any]:
    """Train the budgets where the best loss rises again, at half the learning rate."""
    runs = [
        {"flops": budget["flops"], "size": size, "seeds": 1}
        for budget in fit["budgets"]
        if budget["flops"] in overfit["rises"]
        for size in budget["sizes"]
    ]
    at = ", ".join(f"{flops:.3g}" for flops in overfit["rises"])
    return propose(
        rows,
        f"train the runs at {at} FLOPs again with half the learning rate",
        ["rises"],
        runs,
        "if training was unstable there, the best loss falls below the budget before",
    )


def step_to(fit: dict[str, Any]) -> float:
    """Factor of the next budget: the sweep's own step, or what makes two budgets 8x apart.

    A smaller step would be cheaper still, and test less: the law hardly moves over it.
    """
    flops = [budget["flops"] for budget in fit["budgets"]]
    step = float(np.exp(np.median(np.diff(np.log(flops))))) if len(flops) > 1 else 2.0
    factor = float(f"{step:.6g}")
    if nearest_span(fit["budgets"], flops[-1] * factor) is None and flops[-1] < SPAN * flops[0]:
        return SPAN * flops[0] / flops[-1]
    return factor


def budget_ahead(fit: dict[str, Any], factor: float) -> dict[str, Any]:
    """The budget `factor` above the largest, as it will be run: as many sizes, about the best."""
    top, size_law = fit["budgets"][-1], fit["size_law"].get("parameters")
    grow = factor ** (size_law["a"] if size_law else 0.5)
    return top | {
        "flops": top["flops"] * factor,
        "sizes": [size * grow for size in top["sizes"]],
        "seeds": [1] * len(top["sizes"]),
        "size": top["size"] * grow,
    }

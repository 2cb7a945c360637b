"""The model that is cheapest over its life: trained once, then asked for many clips (2401.00448).

At equal loss a smaller model trained for longer costs more to train and less to serve. Of all sizes
N, with the tokens D that bring L(N, D) to the loss wanted, the one is sought for which

    C = k(N) N D + k(N) N D_inf / 3

is least: k(N) FLOPs per parameter and token of training, of which a forward pass takes a third;
D_inf the tokens of all forward passes of inference (clips x passes x tokens of a clip).
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from analysis.engine.answer import Answer
from analysis.planning import optimum
from vdit.errors import InputError

FORWARD = 3.0  # training costs this many forward passes a token


@dataclass(frozen=True)
class InferenceAware:
    """The cheapest model of a loss, and the compute-optimal one beside it; FLOPs."""

    inference_tokens: float
    loss: Answer
    size: Answer
    tokens: Answer  # of training
    training: Answer
    inference: Answer
    total: Answer
    optimal_total: Answer  # of the compute-optimal model of the same loss
    saved: Answer  # share of that total
    beyond: float | None  # its tokens per parameter, times the most of any run fitted


def demand(
    inference_tokens: float | None, clips: float | None, passes: float, rows: pd.DataFrame | None
) -> float | None:
    """Tokens of all forward passes of inference, as named or from clips; None for no demand."""
    if inference_tokens is None and clips is None:
        return None
    if clips is not None:
        if rows is None or not {"tokens", "clips"} <= set(rows.columns):
            raise InputError("--clips_served: tokens of a clip: give the runs, --table results.csv")
        inference_tokens = clips * passes * float((rows["tokens"] / rows["clips"]).median())
    if not 0 <= inference_tokens < np.inf:
        raise InputError(f"{inference_tokens:g} inference tokens, expected a number of 0 or more")
    return inference_tokens


def cheapest(
    surface: optimum.Surface,
    loss: np.ndarray,
    inference_tokens: float,
    flops: np.ndarray,
    most: float | None = None,
) -> InferenceAware:
    """The model of `loss` (1 + P,) with the least FLOPs; `flops` (1 + P,) train the optimal one.

    Draws whose loss no compute reaches (infinite `flops`) stay infinite. most: tokens per parameter
    of the run fitted that has most; laws say too much of what more tokens give far beyond.
    """
    reached = np.isfinite(flops)
    flops = np.where(reached, flops, 1.0)
    optimal = surface.size(flops)
    cost = surface.ladder.flops
    size = _size(surface, loss, inference_tokens, optimal)
    tokens = _tokens(surface, loss, size)
    training, inference = cost(size, tokens), cost(size, inference_tokens) / FORWARD
    before = flops + cost(optimal, inference_tokens) / FORWARD
    total = training + inference
    numbers = {"loss": loss, "size": size, "tokens": tokens, "training": training}
    numbers |= {"inference": inference, "total": total, "optimal_total": before}
    numbers |= {"saved": 1 - total / before}
    answers = {k: optimum.answer(np.where(reached, v, np.inf)) for k, v in numbers.items()}
    beyond = most and float(tokens[0] / size[0] / most)
    return InferenceAware(inference_tokens, **answers, beyond=beyond)


def _size(surface, loss, inference_tokens, optimal):
    """By golden sections between the least size that reaches the loss and the optimal one."""
    p = surface.parameters
    with np.errstate(divide="ignore", invalid="ignore"):
        low = np.log(p["A"] / (loss - p["E"])) / p["alpha"]
    high = np.log(optimal)
    low = np.where(np.isfinite(low), low, high)

    def total(size):
        return surface.ladder.flops(size, _tokens(surface, loss, size) + inference_tokens / FORWARD)

    return optimum.lowest(total, low, high)


def _tokens(surface, loss, size):
    """Training tokens that bring a size to the loss: infinite where it is too small."""
    p = surface.parameters
    left = loss - p["E"] - p["A"] * size ** -p["alpha"]
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        return np.where(left > 0, (p["B"] / left) ** (1 / p["beta"]), np.inf)

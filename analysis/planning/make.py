"""A plan: what to train with a compute or for a loss, and what it costs."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from analysis.engine.answer import Answer
from analysis.fitting.result import Fit
from analysis.planning import devices, inference, off_size, optimum, training
from analysis.table import hygiene
from vdit.errors import InputError

FAR = 8.0  # beyond this many times the largest compute fitted, an extrapolation is a guess


@dataclass(frozen=True)
class Said:
    """What another law says of the same compute."""

    law: str
    size: Answer
    tokens: Answer
    loss: Answer


@dataclass(frozen=True)
class Plan:
    """What to train with `flops`, or for `target_loss`, by `law`; None where nothing says.

    `compute` is what reaches the loss; `times_largest`, `times_smallest`: `flops` over the largest
    and the smallest budget fitted.
    """

    flops: float
    target_loss: float | None
    compute: Answer
    law: str
    size: Answer
    tokens: Answer
    loss: Answer
    training: training.Settings | None
    cost: devices.Cost
    off_size: off_size.OffSize | None
    beside: tuple[Said, ...]
    inference: inference.InferenceAware | None
    times_largest: float | None
    times_smallest: float | None


def plan(
    fit: Fit,
    flops: float | None = None,
    loss: float | None = None,
    law: str | None = None,
    rows: pd.DataFrame | None = None,
    price: float | None = None,
    inference_tokens: float | None = None,
    **device: Any,
) -> Plan:
    """Plan for `flops` or for a target `loss`, from a fit.

    rows: the fit's table, for learning rate, batch and steps; those whose schedule had not ended
    are left out. price: USD per GPU-hour. inference_tokens: of all forward passes after training,
    for the model that is cheapest over its life (`planning.inference`). device: name, peak, mfu,
    devices (see `planning.devices`). InputError where no compute reaches the loss.
    """
    source, rows = optimum.source(fit, law), _ended(rows)
    compute = Answer(flops) if loss is None else _compute(source, loss)
    flops = compute.value
    size = source.size(flops)
    tokens = source.ladder.tokens(flops, size)
    chosen = devices.device(device.get("name", "h100"), device.get("peak"))
    how = device.get("mfu", devices.MFU), device.get("devices", 1)
    largest, smallest = _reach(fit, flops)
    return Plan(
        flops=flops,
        target_loss=loss,
        compute=compute,
        law=source.name,
        size=optimum.answer(size),
        tokens=optimum.answer(tokens),
        loss=optimum.answer(source.loss(flops)),
        training=training.settings(fit, rows, flops, float(size[0]), float(tokens[0])),
        cost=devices.cost(flops, chosen, *how, price),
        off_size=off_size.cost(fit, source, flops),
        beside=tuple(_beside(fit, source, flops)),
        inference=_inference(fit, rows, flops, loss, inference_tokens),
        times_largest=largest,
        times_smallest=smallest,
    )


def _ended(rows):
    """The rows whose schedule had ended: the others say nothing of the best run of a budget."""
    rows = None if rows is None else rows[hygiene.annealed(rows)]
    return None if rows is None or rows.empty else rows


def _compute(source, loss):
    """The compute that reaches `loss`; InputError, saying why, where none does."""
    if not 0 < loss < np.inf:
        raise InputError(f"--loss is {loss:g}, expected a loss above 0")
    found = optimum.answer(optimum.compute_for(source, loss))
    if np.isfinite(found.value):
        return found
    E = optimum.answer(source.floor)
    between = "" if E.interval is None else " (95 %: {:.4g} to {:.4g})".format(*E.interval)
    raise InputError(
        f"no compute reaches a loss of {loss:g}: by the {source.name} law the loss that no "
        f"compute removes is E = {E.value:.4g}{between}"
    )


def _inference(fit, rows, flops, loss, inference_tokens):
    """The cheapest model over its life by Chinchilla's law; None where no demand was named."""
    if inference_tokens is None:
        return None
    surface = optimum.source(fit, "chinchilla")
    if loss is None:  # in each resample the loss that `flops` buy there
        computes = np.full(surface.parameters["A"].shape, flops)
        losses = surface.loss(flops)
    else:
        computes = optimum.compute_for(surface, loss)
        losses = np.full(computes.shape, loss)
    most = _most_tokens(fit, rows)
    return inference.cheapest(surface, losses, inference_tokens, computes, most)


def _most_tokens(fit, rows):
    """Tokens per parameter of the run that has most, by table or fit; None where not known."""
    if rows is not None:
        return float((rows[fit.columns["tokens"]] / rows[fit.columns["params"]]).max())
    sizes = [np.array(budget.sizes) for budget in fit.budgets]
    tokens = [
        optimum.ladder(fit).tokens(b.flops, n) for b, n in zip(fit.budgets, sizes, strict=True)
    ]
    return max((float((d / n).max()) for d, n in zip(tokens, sizes, strict=True)), default=None)


def _beside(fit, source, flops):
    """What the fit's other laws say."""
    for name, other in optimum.sources(fit).items():
        if name != source.name:
            size = other.size(flops)
            tokens = other.ladder.tokens(flops, size)
            yield Said(name, *map(optimum.answer, (size, tokens, other.loss(flops))))


def _reach(fit, flops):
    """`flops` over the largest and the smallest budget; None where the fit does not say."""
    known = [budget.flops for budget in fit.budgets]
    if not known:
        law = fit.laws.get("chinchilla")
        known = [law.ahead.flops / FAR] if law and law.ahead else []
    largest = flops / known[-1] if known else None
    return largest, flops / known[0] if len(known) > 1 else None


def warning(planned: Plan) -> str:
    """One line on how far the plan goes beyond what was measured, or ""."""
    above, below = planned.times_largest, planned.times_smallest
    if above is None:
        return ""
    if above > FAR:
        return (
            f"warning: {above:.3g} times the largest budget measured; nothing here shows that "
            "the law holds that far, and the intervals assume it does"
        )
    if above > 1:
        return f"warning: {above:.3g} times the largest budget measured, an extrapolation"
    if below is not None and below < 1:
        return f"warning: {1 / below:.3g} times below the smallest budget measured"
    return ""
